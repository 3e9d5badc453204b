import type { Client, ClientOptions } from "openapi-fetch";
import type { components, paths } from "./api.js";
import type { contractErrors, problems } from "./problems.js";

export type { components, operations, paths } from "./api.js";
export * from "./abis.js";
export * from "./problems.js";

/** A body of the API by its name, such as `Schema<"CatalogPage">`. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** Every code that the API answers with. */
export type ProblemCode = keyof typeof problems;

/** An error that one of the contracts reverts with. */
export type ContractError = (typeof contractErrors)[keyof typeof contractErrors];

/** A fetch that knows every path, parameter and body of the API. */
export function createStemma(options: ClientOptions): Client<paths>;

/** What revert data means, by its first four bytes; undefined when it is none of our contracts' errors. */
export function contractError(data: string): ContractError | undefined;
