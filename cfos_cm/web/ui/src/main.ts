import "./styles/index.css";

import { createApp } from "vue";

import { i18n, speak, wantedLanguage } from "./i18n";
import { view } from "./router";
import { whoAmI } from "./session";
import AppShell from "./shell/AppShell.vue";
import { wearTheme } from "./shell/theme";

wearTheme();
// The view comes while the language and the session are asked for, which the first picture needs.
void view.value?.load().catch(() => {});
await Promise.all([speak(wantedLanguage()), whoAmI().catch(() => {})]);
createApp(AppShell).use(i18n).mount("#page");
