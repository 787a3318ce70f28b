import { render } from "preact";

import { CityPage } from "./pages/city";
import { type Page, go, page, pathOf, pages } from "./route";
import { language, setLanguage, t } from "./text";
import { setTheme, theme } from "./theme";

function App() {
  return (
    <>
      <header class="top">
        <span class="name">ISURIDE</span>
        <nav aria-label={t("nav.label")}>{pages.map((p) => <PageLink key={p} to={p} />)}</nav>
        <span class="end">
          <button class="plain" lang={language.value === "ja" ? "en" : "ja"} onClick={() => setLanguage(language.value === "ja" ? "en" : "ja")}>{t("language.other")}</button>
          <button class="plain" onClick={() => setTheme(theme.value === "dark" ? "light" : "dark")}>{theme.value === "dark" ? t("theme.light") : t("theme.dark")}</button>
        </span>
      </header>
      <CityPage page={page.value} />
    </>
  );
}

function PageLink({ to }: { to: Page }) {
  const follow = (e: MouseEvent) => {
    if (e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return;
    e.preventDefault();
    go(to);
  };
  return <a href={pathOf(to)} aria-current={page.value === to ? "page" : undefined} onClick={follow}>{t(`nav.${to}`)}</a>;
}

document.documentElement.lang = language.value;
render(<App />, document.getElementById("app")!);
