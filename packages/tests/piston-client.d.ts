//! The client for Piston from npm, which has no types of its own.

declare module "piston-client" {
  export default function piston(options: { server: string }): {
    runtimes(): Promise<unknown>;
    execute(language: string, code: string, settings?: object): Promise<unknown>;
  };
}
