//! The app, for the server and for the page.

import { createSSRApp } from "vue";
import App from "./App.vue";

export const createApp = () => createSSRApp(App);
