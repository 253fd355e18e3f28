//! The pages of the site, and who may see them. src/http/site.rs lists the same paths.

import { shallowRef } from "vue";
import { createRouter, createWebHistory, type RouteLocationNormalized } from "vue-router";
import { account, loadAccount } from "./api/session.ts";
import { loadAnew } from "./arrival.ts";
import { ownPath } from "./next.ts";
import { forget, keep, kept } from "./storage.ts";

declare module "vue-router" {
  interface RouteMeta {
    /** Whether everybody sees the page. */
    public?: boolean;
    /** Whether a public page shows more to a signed-in user. */
    knowsAccount?: boolean;
    /** Whether the page is a tool: the navigation is a narrow rail then. */
    tool?: boolean;
    title?: string;
  }
}

export const router = createRouter({
  history: createWebHistory(),
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  routes: [
    { path: "/", component: () => import("./pages/HomePage.vue"), meta: { title: "Projects" } },
    { path: "/login", component: () => import("./pages/LoginPage.vue"), meta: { public: true, knowsAccount: true, title: "Sign in" } },
    { path: "/dashboard", component: () => import("./pages/DashboardPage.vue"), meta: { title: "Runs" } },
    { path: "/snippets", component: () => import("./pages/SnippetsPage.vue"), meta: { title: "Snippets" } },
    { path: "/account", component: () => import("./pages/AccountPage.vue"), meta: { title: "Account" } },
    { path: "/projects/:id", component: () => import("./pages/ProjectPage.vue") },
    { path: "/sandboxes", component: () => import("./pages/SandboxesPage.vue"), meta: { title: "Sandboxes" } },
    { path: "/sandbox/:id", component: () => import("./pages/SandboxPage.vue"), meta: { tool: true, title: "Sandbox" } },
    { path: "/playground", component: () => import("./pages/PlaygroundPage.vue"), meta: { tool: true, title: "Playground" } },
    { path: "/playground/advanced", component: () => import("./pages/AdvancedPlaygroundPage.vue"), meta: { tool: true, title: "Many files · Playground" } },
    { path: "/playground/collab", component: () => import("./pages/CollabPlaygroundPage.vue"), meta: { tool: true, public: true, knowsAccount: true, title: "Together · Playground" } },
    { path: "/:rest(.*)*", component: () => import("./pages/NotFoundPage.vue"), meta: { public: true, title: "Not found" } },
  ],
});

/** The longest path that a link in a mail leads back to. */
const MAX_NEXT = 1_000;

/** Where a page that needs a session leads to without one. A fragment that is too long for a mail waits in this browser. */
export function signInFor(to: RouteLocationNormalized) {
  if (to.fullPath === "/") return { path: "/login" };
  const isLong = to.fullPath.length > MAX_NEXT;
  if (isLong) keep("fragment", to.hash);
  return { path: "/login", query: { next: isLong ? to.path : to.fullPath } };
}

/** The fragment that waited while its reader signed in; empty where none did. */
export function takeFragment(): string {
  const fragment = kept("fragment") ?? "";
  forget("fragment");
  return fragment;
}

router.beforeEach(async (to) => {
  if (account.value === undefined && (to.meta.public !== true || to.meta.knowsAccount === true)) {
    // A service that does not answer is no sign-out: the page says it.
    await loadAccount().catch(() => undefined);
  }
  if (to.path === "/login") return account.value ? ownPath(to.query.next) : true;
  return to.meta.public === true || account.value !== null ? true : signInFor(to);
});

/** Whether the code of the page did not arrive, not even after the site was loaded anew. */
export const isPageMissing = shallowRef(false);
router.onError((_error, to) => (isPageMissing.value = !loadAnew(to.fullPath)));

/** Names the page in the window. */
export function entitle(...parts: (string | undefined)[]): void {
  document.title = [...parts.filter((part) => part !== undefined && part !== ""), "Docle"].join(" · ");
}

router.afterEach((to) => {
  isPageMissing.value = false;
  if (to.meta.title !== undefined) entitle(to.meta.title);
});
