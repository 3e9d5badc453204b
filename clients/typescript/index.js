import createClient from "openapi-fetch";
import { contractErrors } from "./problems.js";

export * from "./abis.js";
export * from "./problems.js";

export function createStemma(options) {
  return createClient(options);
}

export function contractError(data) {
  return contractErrors[data.slice(0, 10).toLowerCase()];
}
