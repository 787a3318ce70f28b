// Shows the two documents, and lets a person try the calls. Whatever a document says is put
// into the page as text, never as markup.

const $ = (name, attributes = {}, ...children) => {
  const node = Object.assign(document.createElement(name), attributes);
  node.append(...children.filter((c) => c != null));
  return node;
};

// resolve follows a reference within the document; what stands beside it wins.
const resolve = (root, part) => {
  if (!part?.$ref) return part;
  const found = part.$ref.slice(2).split("/").reduce((at, step) => at[step.replaceAll("~1", "/").replaceAll("~0", "~")], root);
  const { $ref, ...beside } = part;
  return { ...resolve(root, found), ...beside };
};

const firstOf = (object) => (object ? Object.values(object)[0] : undefined);
const bodyOf = (content) => content?.["application/json"];
const exampleOf = (root, content) => firstOf(bodyOf(content)?.examples)?.value;
const pretty = (value) => JSON.stringify(value, null, 2);

// members lists what an object has, as rows of a table.
function members(root, schema, prefix = "") {
  schema = resolve(root, schema) ?? {};
  if (schema.type === "array") return members(root, schema.items, prefix + "[]");
  return Object.entries(schema.properties ?? {}).flatMap(([name, part]) => {
    const p = resolve(root, part);
    const type = [p.type ?? "object"].flat().join(" or ") + (p.enum ? ": " + p.enum.join(", ") : "");
    const row = $("tr", {}, $("td", {}, $("code", { textContent: prefix + (prefix && ".") + name })),
      $("td", { textContent: type + (schema.required?.includes(name) ? "" : ", optional") }), $("td", { textContent: p.description ?? "" }));
    return [row, ...members(root, p, prefix + (prefix && ".") + name)];
  });
}

function described(root, title, schema) {
  const rows = members(root, schema);
  return rows.length ? $("div", {}, $("h4", { textContent: title }), $("table", {}, ...rows)) : null;
}

// trial is the form with which an operation is called.
function trial(root, path, method, operation, parameters) {
  const out = $("pre", { hidden: true });
  const body = operation.requestBody && $("textarea", { name: "body", rows: 6, value: pretty(exampleOf(root, operation.requestBody.content)) });
  body?.setAttribute("aria-label", "Body");
  const fields = parameters.map((p) => $("label", {}, p.name + " ", $("input", { name: p.name, value: p.example ?? "", required: p.required && p.in !== "header" })));
  const form = $("form", {}, ...fields, body, $("button", { textContent: "Call" }));
  form.onsubmit = async (event) => {
    event.preventDefault();
    out.hidden = false;
    out.textContent = "";
    try {
      await call(form, path, method, parameters, body?.value, out);
    } catch (error) {
      out.textContent += String(error);
    }
  };
  return $("div", {}, form, out);
}

async function call(form, path, method, parameters, body, out) {
  const headers = {}, query = new URLSearchParams();
  for (const p of parameters) {
    const value = form.elements[p.name].value;
    if (value === "") continue;
    if (p.in === "path") path = path.replace(`{${p.name}}`, encodeURIComponent(value));
    if (p.in === "query") query.set(p.name, value);
    if (p.in === "header") headers[p.name] = value;
  }
  const session = document.getElementById("session").elements.token;
  if (session.value) headers.Authorization = "Bearer " + session.value;
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path + (query.size ? "?" + query : ""), { method, headers, body });
  out.textContent = `${answer.status} ${answer.statusText}\n`;
  if (answer.headers.get("Content-Type")?.includes("event-stream")) return follow(form, answer, out);
  const text = await answer.text();
  let value;
  try { value = JSON.parse(text); } catch { /* no JSON, shown as it is */ }
  out.textContent += value === undefined ? text : pretty(value);
  if (value?.access_token) session.value = value.access_token;
}

// follow shows a stream until the button is pressed again.
async function follow(form, answer, out) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  form.addEventListener("submit", () => reader.cancel(), { once: true });
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    out.textContent = (out.textContent + part.value).slice(-20_000);
  }
}

function operationOf(root, path, method, item) {
  const operation = item[method];
  const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((p) => resolve(root, p));
  const answers = Object.entries(operation.responses).map(([status, a]) => [status, resolve(root, a)]);
  return $("details", { id: operation.operationId },
    $("summary", {}, $("code", { textContent: method.toUpperCase() + " " + path }), " ", operation.summary),
    operation.description ? $("p", { className: "text", textContent: operation.description }) : null,
    operation.security ? $("p", { textContent: "Needs a session: " + operation.security.flatMap(Object.keys).join(" or ") + "." }) : null,
    described(root, "Request", bodyOf(operation.requestBody?.content)?.schema),
    ...answers.map(([status, a]) => $("div", {}, $("p", {}, $("strong", { textContent: status }), " " + a.description),
      described(root, "Answer", status < "400" ? bodyOf(a.content)?.schema : undefined),
      exampleOf(root, a.content) === undefined ? null : $("pre", { textContent: pretty(exampleOf(root, a.content)) }))),
    trial(root, path, method, operation, parameters));
}

function callsOf(root) {
  const methods = ["get", "post"];
  return root.tags.map((tag) => $("section", {}, $("h2", { textContent: tag.name }), $("p", { textContent: tag.description }),
    ...Object.entries(root.paths).flatMap(([path, item]) => methods.filter((m) => item[m]?.tags.includes(tag.name)).map((m) => operationOf(root, path, m, item)))));
}

function messagesOf(root) {
  return Object.entries(root.components.messages).map(([name, m]) => $("details", { id: "message-" + name },
    $("summary", {}, $("code", { textContent: name }), " ", m.summary ?? ""),
    m.description ? $("p", { className: "text", textContent: m.description }) : null,
    described(root, "Members", m.payload),
    ...(m.examples ?? []).map((e) => $("pre", { textContent: JSON.stringify(e.payload) }))));
}

// tablesOf lists the tables of the feed with their columns.
function tablesOf(root) {
  const { schemas } = root.components;
  return schemas.Frame.properties.table.enum.map((name) => $("details", { id: "table-" + name },
    $("summary", {}, $("code", { textContent: name }), " " + schemas[name].description),
    described(root, "Columns", schemas[name])));
}

const load = async (path) => (await fetch(path)).json();
const [openapi, asyncapi] = await Promise.all([load("/openapi.json"), load("/asyncapi.json")]);
document.getElementById("calls").replaceChildren(
  $("p", { className: "text", textContent: openapi.info.description }), ...callsOf(openapi),
  $("h2", { textContent: "Messages of the feed" }), $("p", { className: "text", textContent: asyncapi.info.description }), ...messagesOf(asyncapi),
  $("h2", { textContent: "Tables of the feed" }), ...tablesOf(asyncapi));
if (location.hash) document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
