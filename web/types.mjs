//! Makes the types of the API, `src/api/generated.ts`, of its OpenAPI document.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import openapiTs from "openapi-typescript";

const document = JSON.parse(readFileSync(new URL("../crates/api/openapi.json", import.meta.url), "utf8"));
const text = await openapiTs({ openapi: document.openapi, info: document.info, paths: {}, components: { schemas: document.components.schemas } }, { exportType: false });

// A build that runs at the same time sees the types whole.
const file = new URL("src/api/generated.ts", import.meta.url);
const unfinished = new URL(`${file}.${process.pid}`);
writeFileSync(unfinished, `//! The types of the API, made of its OpenAPI document by types.mjs.\n\n${text}`);
renameSync(unfinished, file);
