//! A playground with an editor, a Run button and the output: the frame of the service.

import { Playground, type EmbedError, type EmbedFailure, type EmbedOptions, type EmbedResult } from "@doclehq/sdk/embed";
import { defineComponent, h, onBeforeUnmount, onMounted, ref, watch, type ComponentOptionsMixin, type DefineComponent, type PropType } from "vue";

/** What a ref of `DoclePlayground` does. */
export interface DoclePlaygroundRef {
  /** Runs the program, and resolves with its result. */
  run(): Promise<EmbedResult>;
  /** Ends the run. */
  stop(): Promise<void>;
  getCode(): Promise<string>;
  setCode(code: string): Promise<void>;
}

/** What `DoclePlayground` tells. */
export type DoclePlaygroundEmits = {
  /** The frame is there. */
  ready: () => void;
  /** A program has ended. One that fails is a result, too. */
  run: (result: EmbedResult) => void;
  /** A run was refused. */
  error: (error: EmbedError) => void;
  /** The program did what `check` expects. */
  pass: () => void;
  /** It did not; the first test that failed. */
  fail: (failure: EmbedFailure) => void;
};

/** A Boolean that is not given is not given, and not `false`. */
const flag = { type: Boolean, default: undefined };
const text = String;

/** A playground. `lang`, `theme` and `code` may change; a changed `code` takes the place of the one before, unless the user has typed. */
export const DoclePlayground: DefineComponent<EmbedOptions, DoclePlaygroundRef, {}, {}, {}, ComponentOptionsMixin, ComponentOptionsMixin, DoclePlaygroundEmits> = /* @__PURE__ */ defineComponent({
  name: "DoclePlayground",
  props: {
    code: text,
    lang: text,
    theme: String as PropType<EmbedOptions["theme"]>,
    readonly: flag,
    autorun: flag,
    height: text,
    stdin: text,
    publishableKey: text,
    token: [String, Function] as PropType<EmbedOptions["token"]>,
    endpoint: text,
    loading: String as PropType<EmbedOptions["loading"]>,
    title: text,
    files: Array as PropType<EmbedOptions["files"]>,
    packages: Array as PropType<EmbedOptions["packages"]>,
    template: text,
    judge: text,
    check: [String, Array] as PropType<EmbedOptions["check"]>,
    output: String as PropType<EmbedOptions["output"]>,
  },
  emits: ["ready", "run", "error", "pass", "fail"],
  setup(props, { emit, expose }) {
    const element = ref<HTMLElement>();
    let playground: Playground | undefined;
    const given = () => ({ code: "", ...Object.fromEntries(Object.entries(props).filter(([, value]) => value !== undefined)) }) as EmbedOptions;
    onMounted(() => {
      const events = { ready: () => emit("ready"), run: (result: EmbedResult) => emit("run", result), error: (error: EmbedError) => emit("error", error), pass: () => emit("pass"), fail: (failure: EmbedFailure) => emit("fail", failure) };
      playground = new Playground(element.value as HTMLElement, given(), events);
    });
    watch([() => props.lang, () => props.theme, () => props.code], () => playground?.update(given()));
    onBeforeUnmount(() => {
      playground?.destroy();
      playground = undefined;
    });
    const embed = () => {
      if (playground === undefined) throw new Error("The playground is not in the page.");
      return playground.embed;
    };
    expose({
      run: async () => embed().run(),
      stop: async () => embed().stop(),
      getCode: async () => embed().getCode(),
      setCode: async (code: string) => embed().setCode(code),
    } satisfies DoclePlaygroundRef);
    return () => h("div", { ref: element }, h("pre", props.code));
  },
}) as never;
