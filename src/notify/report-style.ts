/** The look of the report: on a desk, on a phone, by night and on paper. */

export const style = `
:root { color-scheme: light dark;
  --page: #f4f6f8; --card: #ffffff; --ink: #17202a; --soft: #55616f; --line: #dde3e9; --code: #eef2f5; --link: #0b5cad;
  --good: #11693a; --good-back: #e3f4ea; --warning: #8a4b00; --warning-back: #fdf0db;
  --bad: #b01c1c; --bad-back: #fde7e6; --neutral: #32495f; --neutral-back: #e6edf4; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0f1419; --card: #182028; --ink: #e8edf2; --soft: #9dabb9; --line: #2d3945; --code: #232d37; --link: #82baff;
  --good: #74d99f; --good-back: #12301f; --warning: #f2bf6c; --warning-back: #36270e;
  --bad: #ff9c95; --bad-back: #401b1b; --neutral: #b5c8dc; --neutral-back: #1f2b37; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); overflow-wrap: anywhere;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1.25rem 2rem; }
a { color: var(--link); }
header { padding: 1.4rem 1.6rem 1.5rem; margin-bottom: 1.25rem; border-radius: .7rem; border-left: .45rem solid currentColor; }
header p { margin: 0; color: var(--ink); }
header .what { max-width: 60rem; font-size: 1.08rem; }
header .meta { margin-top: .9rem; color: var(--soft); font-size: .92rem; }
h1 { margin: .5rem 0; color: var(--ink); font-size: 1.6rem; line-height: 1.25; }
h2 { margin: 0 0 .8rem; font-size: 1.15rem; line-height: 1.3; }
h3 { margin: 1.3rem 0 .5rem; font-size: 1rem; }
.badge { display: inline-block; padding: .12rem .65rem; border: 1px solid currentColor; border-radius: 2rem;
  font-size: .82rem; font-weight: 700; letter-spacing: .05em; white-space: nowrap; }
.sample { margin: 0 0 1.25rem; padding: .8rem 1.2rem; border: 2px dashed var(--warning); border-radius: .6rem;
  color: var(--warning); background: var(--warning-back); font-weight: 600; }
.good { color: var(--good); } .warning { color: var(--warning); } .bad { color: var(--bad); } .neutral { color: var(--neutral); }
header.good { background: var(--good-back); } header.warning { background: var(--warning-back); }
header.bad { background: var(--bad-back); } header.neutral { background: var(--neutral-back); }
section { margin: 0 0 1.25rem; padding: 1.2rem 1.6rem 1.35rem; background: var(--card); border: 1px solid var(--line); border-radius: .7rem; }
section.alarm { border-color: var(--bad); } section.alarm h2 { color: var(--bad); }
section > :last-child, .pair section > :last-child { margin-bottom: 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1.25rem; margin-bottom: 1.25rem; }
.pair section { margin: 0; }
dl { display: grid; grid-template-columns: 8.5rem 1fr; gap: .4rem 1rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; }
q { quotes: none; padding-left: .6rem; border-left: .2rem solid var(--line); display: block; }
blockquote { margin: 1rem 0 0; padding: .1rem 0 .1rem 1rem; border-left: .25rem solid var(--line); }
blockquote p { margin: .3rem 0; } blockquote .title { font-weight: 600; }
ul { margin: 0 0 .8rem; padding-left: 1.25rem; } li { margin: .3rem 0; }
p { margin: 0 0 .8rem; } .below { margin-top: .9rem; }
.soft { color: var(--soft); font-size: .92rem; }
code, pre { font: .86em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
code { padding: .08rem .3rem; border-radius: .25rem; background: var(--code); }
pre { margin: 0 0 .8rem; padding: .8rem 1rem; border-radius: .45rem; background: var(--code); white-space: pre-wrap; overflow-wrap: anywhere; }
pre code { padding: 0; background: none; font-size: 1em; }
table { width: 100%; border-collapse: collapse; font-size: .93rem; }
.changes { table-layout: fixed; } .changes th:nth-child(1) { width: 17%; } .changes th:nth-child(2) { width: 19%; }
.changes th:nth-child(3), .changes th:nth-child(4) { width: 27.5%; }
caption { padding-bottom: .5rem; color: var(--soft); text-align: left; font-size: .92rem; }
th { padding: .4rem .6rem; color: var(--soft); text-align: left; font-size: .82rem; font-weight: 600; white-space: nowrap; border-bottom: 2px solid var(--line); }
td { padding: .55rem .6rem; vertical-align: top; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
td.short { white-space: nowrap; }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td .state { font-weight: 650; } td .note { display: block; color: var(--soft); font-size: .92em; }
td .lines { margin: 0; padding: 0; list-style: none; } td .lines li { margin: 0 0 .4rem; } td .lines li:last-child { margin: 0; }
.whole { display: inline-block; }
.hash { display: block; color: var(--soft); font-size: .78rem; word-break: break-all; }
figure { margin: 1.2rem 0 0; } figcaption { margin-top: .4rem; color: var(--soft); font-size: .9rem; }
img { display: block; max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: .4rem; background: #000; }
footer { color: var(--soft); font-size: .88rem; padding: 0 .2rem; }
@media (max-width: 46rem) {
  main { padding: .8rem .7rem 1.5rem; } .pair { grid-template-columns: 1fr; gap: 1rem; margin-bottom: 1rem; }
  header, section { padding: 1rem 1.05rem 1.1rem; } section, header, .sample { margin-bottom: 1rem; } h1 { font-size: 1.3rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin: 0 0 .55rem; } dd:last-child { margin: 0; }
  table, tbody, tr, td, caption { display: block; } thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { padding: .6rem 0; border-bottom: 1px solid var(--line); } tr:last-child { border-bottom: 0; padding-bottom: 0; }
  td, td.number { padding: .12rem 0; border: 0; text-align: left; white-space: normal; }
  td[data-label]::before { content: attr(data-label); display: block; color: var(--soft); font-size: .8rem; font-weight: 600; }
}
@media print {
  :root { color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --code: #f3f3f3; --link: #000; }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; }
  header, section { padding: .6rem .8rem; } h2, h3, caption { break-after: avoid; } tr, figure, dl > *, li { break-inside: avoid; }
  a[href]::after { content: " (" attr(href) ")"; font-size: .85em; }
}
`;
