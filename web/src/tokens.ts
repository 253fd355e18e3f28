//! The colours of code, for the highlighter of the documentation and of the snippets.

/** The classes of the editor for those of the highlighter; what is missing has the colour of text. */
export const TOKENS: Record<string, string> = {
  keyword: "keyword",
  string: "string",
  number: "number",
  literal: "number",
  variable: "number",
  comment: "comment",
  meta: "comment",
  title: "function",
  built_in: "function",
  type: "type",
  attr: "property",
  attribute: "property",
  property: "property",
  operator: "operator",
  regexp: "regexp",
  tag: "tag",
  name: "tag",
};
