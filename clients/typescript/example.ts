// Type-checked with the package, as a frontend would use it.
import { contractError, createStemma, licenseManagerAbi, problems, type ProblemCode, type Schema } from "./index.js";

const stemma = createStemma({ baseUrl: "https://api.example.org" });

export async function titles(words: string): Promise<(string | null)[]> {
  const { data, error } = await stemma.GET("/catalog", { params: { query: { q: words, limit: 10 } } });
  if (!data) throw new Error(JSON.stringify(error));
  return data.items.map((item: Schema<"RecordingView">) => item.title);
}

export async function claim(workId: string, ancestor: string): Promise<Schema<"ClaimCall">[]> {
  const path = "/catalog/{work_id}/royalties/proof/{ancestor}" as const;
  const { data } = await stemma.GET(path, { params: { path: { work_id: workId, ancestor } } });
  return data?.claims ?? [];
}

// ABIs are literal types, as viem and wagmi want them.
type Names<Abi extends readonly { readonly type: string }[]> = Extract<Abi[number], { readonly type: "function" }> extends {
  readonly name: infer Name;
}
  ? Name
  : never;
export const buy: Names<typeof licenseManagerAbi> = "buy";

export const missing: ProblemCode = "work_not_found";
export const explained: string = problems[missing].description;
export const reverted: string | undefined = contractError("0x")?.signature;
