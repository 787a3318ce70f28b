import { render } from "preact";

import { Icon } from "./icons";
import { ChartsPage } from "./pages/charts";
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
          <button class="plain" lang={other()} aria-label={t("language.other")} onClick={() => setLanguage(other())}>
            <span class="long">{t("language.other")}</span><span class="short">{t("language.short")}</span>
          </button>
          <button class="plain" aria-label={themeName()} onClick={() => setTheme(theme.value === "dark" ? "light" : "dark")}>
            <span class="long">{themeName()}</span><span class="short"><Icon name="theme" /></span>
          </button>
        </span>
      </header>
      <div class="under" hidden={page.value === "charts"}><CityPage page={page.value} /></div>
      {page.value === "charts" && <ChartsPage />}
    </>
  );
}

const other = () => (language.value === "ja" ? "en" : "ja");
const themeName = () => (theme.value === "dark" ? t("theme.light") : t("theme.dark"));

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
