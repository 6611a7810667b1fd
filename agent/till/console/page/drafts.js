// Forms that were begun and not sent, by their page. They last as long as the page is open: through the browser's back button and
// through a sign-in.
const drafts = new Map();

export const draft = (key) => drafts.get(key);
export const keepDraft = (key, value) => drafts.set(key, value);
export const dropDraft = (key) => drafts.delete(key);

addEventListener("beforeunload", (event) => {
  if ([...drafts.values()].some((d) => d.changed?.())) event.preventDefault();
});
