//! Sandboxes with the interface of the classic Sandbox SDK: what the package exports.

export type { ServiceBinding } from "./access.ts";
export { getSandbox, type SandboxBinding, type SandboxNamespace, type SandboxOptions } from "./binding.ts";
export { SandboxClient, type SessionOptions } from "./client.ts";
export { Sandbox, type SandboxEnv } from "./object.ts";
export { proxyToSandbox, type ProxyEnv } from "./proxy.ts";
export { ExecutionSession, type Hooks } from "./session.ts";
export { asyncIterableToSSEStream, parseSSEStream, responseToAsyncIterable } from "./streams.ts";
export type * from "./types.ts";
export { DocleConnectionError, DocleError, DocleTimeoutError, Result } from "@doclehq/sdk/sandboxes";
export type { CodeCallbacks, CodeContext, CodeContextSettings, CodeEvent, CodeOutput, Execution, RunCodeSettings, SandboxSettings } from "@doclehq/sdk/sandboxes";
