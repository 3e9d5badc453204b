// Writes .build/solc/solc-v<version>, an executable that py-solc-x takes for the native compiler (SOLCX_BINARY_PATH).
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(join(root, "package.json"));
const solcModule = join(root, "node_modules", "solc");
const pinned = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).dependencies.solc;
const installed = JSON.parse(readFileSync(join(solcModule, "package.json"), "utf8")).version;
if (installed !== pinned) {
  throw new Error(`node_modules holds solc ${installed}, package.json pins ${pinned}: run npm ci`);
}

const baked = JSON.stringify({ version: require("solc").version(), module: solcModule });
const shim = JSON.stringify(join(root, "scripts", "solc_shim.cjs"));
const target = join(root, ".build", "solc", `solc-v${pinned}`);
mkdirSync(dirname(target), { recursive: true });
writeFileSync(`${target}.new`, `#!/usr/bin/env node\nrequire(${shim}).run(${baked});\n`);
chmodSync(`${target}.new`, 0o755);
renameSync(`${target}.new`, target);
console.log(target);
