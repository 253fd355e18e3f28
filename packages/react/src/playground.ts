//! A playground with an editor, a Run button and the output: the frame of the service.

import { Playground, type EmbedError, type EmbedFailure, type EmbedOptions, type EmbedResult } from "@doclehq/sdk/embed";
import { createElement, forwardRef, useEffect, useImperativeHandle, useInsertionEffect, useRef, type CSSProperties, type ForwardRefExoticComponent, type RefAttributes } from "react";

/** What `DoclePlayground` takes. `lang`, `theme` and `code` may change; the other options are those of its first rendering. */
export interface DoclePlaygroundProps extends EmbedOptions {
  className?: string;
  style?: CSSProperties;
  /** The frame is there. */
  onReady?(): void;
  /** A program has ended. One that fails is a result, too. */
  onRun?(result: EmbedResult): void;
  /** A run was refused. */
  onError?(error: EmbedError): void;
  /** The program did what `check` expects. */
  onPass?(): void;
  /** It did not; the first test that failed. */
  onFail?(failure: EmbedFailure): void;
}

/** What a ref of `DoclePlayground` does. */
export interface DoclePlaygroundRef {
  /** Runs the program, and resolves with its result. */
  run(): Promise<EmbedResult>;
  /** Ends the run. */
  stop(): Promise<void>;
  getCode(): Promise<string>;
  setCode(code: string): Promise<void>;
}

/** A playground. A changed `code` takes the place of the one before, unless the user has typed. */
export const DoclePlayground: ForwardRefExoticComponent<DoclePlaygroundProps & RefAttributes<DoclePlaygroundRef>> = /* @__PURE__ */ named(
  /* @__PURE__ */ forwardRef<DoclePlaygroundRef, DoclePlaygroundProps>((props, ref) => {
    const { className, style, onReady, onRun, onError, onPass, onFail, ...options } = props;
    const element = useRef<HTMLDivElement>(null);
    const playground = useRef<Playground>(undefined);
    const events = { ...(onReady && { ready: onReady }), ...(onRun && { run: onRun }), ...(onError && { error: onError }), ...(onPass && { pass: onPass }), ...(onFail && { fail: onFail }) };
    const latest = useRef({ options, events });
    useInsertionEffect(() => {
      latest.current = { options, events };
      if (playground.current) playground.current.events = events;
    });
    useEffect(() => {
      const made = new Playground(element.current as HTMLDivElement, { code: "", ...latest.current.options }, latest.current.events);
      playground.current = made;
      return () => {
        playground.current = undefined;
        made.destroy();
      };
    }, []);
    const { lang, theme, code } = options;
    useEffect(() => playground.current?.update(latest.current.options), [lang, theme, code]);
    useImperativeHandle(ref, () => {
      const embed = () => {
        if (playground.current === undefined) throw new Error("The playground is not in the page.");
        return playground.current.embed;
      };
      return {
        run: async () => embed().run(),
        stop: async () => embed().stop(),
        getCode: async () => embed().getCode(),
        setCode: async (code) => embed().setCode(code),
      };
    }, []);
    return createElement("div", { ref: element, className, style }, createElement("pre", null, code));
  }),
);

/** Names the component for the tools of React. It is a function, so that a bundler leaves out a component that nobody uses. */
function named<Component extends { displayName?: string | undefined }>(component: Component): Component {
  component.displayName = "DoclePlayground";
  return component;
}
