//! Takes over what the server has rendered.

import { createApp } from "./app.js";

createApp().mount("#app");
