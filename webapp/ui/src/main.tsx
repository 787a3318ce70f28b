import { render } from "preact";

import { CityPage } from "./pages/city";
import { language, setLanguage, t } from "./text";
import { setTheme, theme } from "./theme";

function App() {
  return (
    <>
      <header class="top">
        <span class="name">ISURIDE</span>
        <nav aria-label={t("nav.label")}>
          <a href="/ui/" aria-current="page">{t("nav.city")}</a>
        </nav>
        <span class="end">
          <button class="plain" onClick={() => setLanguage(language.value === "ja" ? "en" : "ja")}>{t("language.other")}</button>
          <button class="plain" onClick={() => setTheme(theme.value === "dark" ? "light" : "dark")}>{theme.value === "dark" ? t("theme.light") : t("theme.dark")}</button>
        </span>
      </header>
      <CityPage />
    </>
  );
}

document.documentElement.lang = language.value;
render(<App />, document.getElementById("app")!);
