//! Makes the types of the API, `src/api/generated.ts`, of its OpenAPI document.

import { readFileSync, writeFileSync } from "node:fs";
import openapiTs from "openapi-typescript";

const document = JSON.parse(readFileSync(new URL("../crates/api/openapi.json", import.meta.url), "utf8"));
const text = await openapiTs({ openapi: document.openapi, info: document.info, paths: {}, components: { schemas: document.components.schemas } }, { exportType: false });
writeFileSync(new URL("src/api/generated.ts", import.meta.url), `//! The types of the API, made of its OpenAPI document by types.mjs.\n\n${text}`);
