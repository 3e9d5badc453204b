// Speaks as much of the solc command line as py-solc-x and foundry use, over the npm build of the compiler.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const SEARCH_PATHS = new Set(["--base-path", "--include-path"]);
const IGNORED = new Set(["--allow-paths"]); // takes a value as well

function fail(message) {
  process.stderr.write(`solc shim: ${message}\n`);
  process.exit(1);
}

function parse(args) {
  const options = { version: false, standardJson: false, input: "-", searchPaths: [] };
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at];
    if (arg === "--version") {
      options.version = true;
    } else if (arg === "--standard-json") {
      options.standardJson = true;
    } else if (SEARCH_PATHS.has(arg) || IGNORED.has(arg)) {
      at += 1;
      if (at === args.length) fail(`${arg} needs a value`);
      if (SEARCH_PATHS.has(arg)) options.searchPaths.push(args[at]);
    } else if (options.standardJson && (arg === "-" || !arg.startsWith("-"))) {
      options.input = arg;
    } else {
      fail(`unknown option ${arg}`);
    }
  }
  return options;
}

function importer(searchPaths) {
  return (name) => {
    for (const candidate of [name, ...searchPaths.map((folder) => path.join(folder, name))]) {
      if (fs.existsSync(candidate)) return { contents: fs.readFileSync(candidate, "utf8") };
    }
    return { error: `File not found: ${name}` };
  };
}

function writeAll(text) {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += fs.writeSync(1, bytes, written);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error; // a full pipe: the reader is slower than we are
    }
  }
}

/** @param {{version: string, module: string}} baked what the installer found, so that --version loads no compiler */
exports.run = ({ version, module }) => {
  const options = parse(process.argv.slice(2));
  if (options.version) {
    writeAll(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
    return;
  }
  if (!options.standardJson) fail("only --standard-json and --version are supported");
  const input = fs.readFileSync(options.input === "-" ? 0 : options.input, "utf8");
  const solc = require(module);
  writeAll(`${solc.compile(input, { import: importer(options.searchPaths) })}\n`);
};
