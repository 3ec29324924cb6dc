// Try calls from the page. The token stays in its field: it is in no address and in no storage.
"use strict";

const main = document.getElementById("calls");
const token = document.getElementById("token");

function pathOf(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const field of form.querySelectorAll("input[data-in]")) {
    const { name, in: place } = field.dataset;
    if (place === "path") path = path.replace(`{${name}}`, () => encodeURIComponent(field.value));
    else if (field.value !== "") query.append(name, field.value);
  }
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function call(form) {
  const output = form.querySelector("output");
  const body = form.querySelector("textarea");
  const headers = { Accept: "application/json, */*;q=0.1", "Accept-Language": document.documentElement.lang };
  if (form.dataset.secured !== undefined) headers.Authorization = `Bearer ${token.value.trim()}`;
  if (body) headers["Content-Type"] = "application/json";
  output.textContent = main.dataset.waiting;
  const begun = performance.now();
  try {
    const answer = await fetch(pathOf(form), {
      method: form.dataset.method,
      headers,
      body: body ? body.value : undefined,
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
    });
    const text = pretty(await answer.text());
    output.textContent = `${answer.status}, ${Math.round(performance.now() - begun)} ms\n\n${text}`;
  } catch (problem) {
    output.textContent = `${main.dataset.failed} ${problem.message}`;
  }
}

document.getElementById("token-box").hidden = false;
for (const example of document.querySelectorAll("pre[data-curl]")) {
  example.textContent = example.textContent.replace(example.dataset.curl, location.origin);
}
for (const form of document.querySelectorAll("form")) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    call(form);
  });
}
