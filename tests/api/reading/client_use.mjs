// @ts-check
// Uses the TypeScript client as a frontend would; tsc checks it, node runs it: node client_use.mjs URL WORK_ID
import { contractError, contractErrors, createStemma, ipnftAbi, problems, stemRegistryAbi } from "../../../clients/typescript/index.js";

const { argv } = /** @type {{ process: { argv: string[] } }} */ (/** @type {unknown} */ (globalThis)).process;
const [baseUrl, workId] = argv.slice(2);
if (!baseUrl || !workId) throw new Error("usage: client_use.mjs URL WORK_ID");
const stemma = createStemma({ baseUrl });

const page = await stemma.GET("/catalog", { params: { query: { limit: 3 } } });
if (!page.data) throw new Error(JSON.stringify(page.error));
/** @type {string[]} */
const workIds = page.data.items.map((item) => item.workId);

const work = await stemma.GET("/catalog/{work_id}", { params: { path: { work_id: workId } } });
const royalties = await stemma.GET("/catalog/{work_id}/royalties", { params: { path: { work_id: workId } } });
const missing = await stemma.GET("/catalog/{work_id}", { params: { path: { work_id: `0x${"0".repeat(56)}` } } });
/** @type {keyof typeof problems} */
const code = "work_not_found";

const asked = await stemma.POST("/graphql", { body: { query: "{ recordings(first: 2) { id } }" } });
const answer = /** @type {import("../../../clients/typescript/index.js").Schema<"GraphQLAnswer">} */ (asked.data);

console.log(
  JSON.stringify({
    workIds,
    work: work.data?.workId,
    stackPpm: royalties.data?.stackPpm,
    missing: missing.error && "code" in missing.error ? missing.error.code : null,
    explained: problems[code].status,
    graphql: answer.data,
    reverted: contractError(`${Object.keys(contractErrors)[0]}${"00".repeat(32)}`)?.name,
    abis: [ipnftAbi.length > 0, stemRegistryAbi.length > 0],
  }),
);
