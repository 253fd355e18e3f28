//! The start of the site: the router, and the frame that shows its pages.

import { createApp } from "vue";
import App from "./App.vue";
import { router } from "./router.ts";
import "./style/main.css";

createApp(App).use(router).mount("#app");
