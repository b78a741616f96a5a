"""A `bench.results.view.View` as Markdown, as LaTeX (booktabs) and as an HTML fragment.

The paper's numbers look different from ours in all three: italic, in their own group of columns.
"""

from __future__ import annotations

import html
import re
from itertools import groupby

from bench.results.view import LEFT, Cell, Column, Line, View

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "×": r"$\times$",
    "σ": r"$\sigma$",
    "λ": r"$\lambda$",
    "Δ": r"$\Delta$",
    "²": r"$^2$",
    "→": r"$\to$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "·": r"$\cdot$",
    "\u2009": r"\,",
    "µ": r"$\mu$",
}


def markdown(view: View) -> str:
    """GitHub Markdown: heading, warning, table, remarks, footnotes."""
    from tabulate import tabulate

    head = [_md_header(c) for c in view.columns]
    body: list[list[str]] = []
    for section in view.sections:
        if section.title:
            body.append([f"**{_md(section.title)}**", *[""] * (len(head) - 1)])
        for line in section.lines:
            body.append([_md_cell(c, k) for c, k in zip(line.cells, view.columns, strict=True)])
    align = ["left" if c.kind in LEFT else "right" for c in view.columns]
    table = tabulate(body, head, tablefmt="pipe", colalign=align, disable_numparse=True)
    parts = [f"### {_md(view.title)}", f"**{_md(view.warning)}**" if view.warning else "", table]
    group_notes = dict.fromkeys((c.group, c.note) for c in view.columns if c.note)
    parts += [f"*† {_md(group)}: {_md(note)}.*" for group, note in group_notes]
    parts += [_md(remark) for remark in view.remarks]
    parts += ["  \n".join(f"<sup>{letter}</sup> {_md(text)}" for letter, text in view.notes)]
    return "\n\n".join(p for p in parts if p) + "\n"


def _md(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*").replace("_", r"\_").replace("<", "&lt;")


def _md_header(column: Column) -> str:
    group = f"{column.group}†" if column.note else column.group
    text = " ".join(p for p in (group, column.name) if p)
    return f"*{_md(text)}*" if column.kind == "paper" else _md(text)


def _md_cell(cell: Cell, column: Column) -> str:
    text = _md(cell.text)
    if text and cell.best:
        text = f"**{text}**"
    elif text and column.kind == "paper":
        text = f"*{text}*"
    if text and cell.link:
        text = f"[{text}]({cell.link})"
    return text + (f"<sup>{','.join(cell.marks)}</sup>" if cell.marks else "")


def latex(view: View) -> str:
    r"""A ``table`` environment; needs ``\usepackage{booktabs,graphicx}``."""
    count = len(view.columns)
    groups = [(g, list(columns)) for g, columns in groupby(view.columns, key=_group_text)]
    top, rules, start = [], [], 1
    for name, columns in groups:
        size = len(columns)
        top.append(rf"\multicolumn{{{size}}}{{c}}{{{_tex(name)}}}" if name else " & ".join([""] * size))
        if name:
            rules.append(rf"\cmidrule(lr){{{start}-{start + size - 1}}}")
        start += size
    rows = [" & ".join(top) + r" \\", " ".join(rules)] if rules else []
    rows += [" & ".join(_tex_text(c.name, c) for c in view.columns) + r" \\", r"\midrule"]
    for i, section in enumerate(view.sections):
        rows += [r"\midrule"] if i else []
        if section.title:
            rows.append(rf"\multicolumn{{{count}}}{{l}}{{\textbf{{{_tex(section.title)}}}}} \\")
        for reference, lines in groupby(section.lines, key=lambda line: line.reference):
            rows += [_tex_line(line, view) for line in lines]
            rows += [r"\addlinespace"] if reference else []
    spec = "".join("l" if c.kind in LEFT else "r" for c in view.columns)
    warning = rf" \textbf{{{_tex(view.warning)}}}" if view.warning else ""
    notes = [_tex(r) + r"\par" for r in view.remarks]
    notes += [rf"\textsuperscript{{{letter}}}\,{_tex(text)}\par" for letter, text in view.notes]
    body = "\n".join(rows)
    return (
        "% \\usepackage{booktabs,graphicx}\n\\begin{table}\n\\centering\n"
        f"\\caption{{{_tex(view.title)}.{warning}}}\n\\label{{tab:{view.id.replace('_', '-')}}}\n"
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n"
        f"\\begin{{tabular}}{{{spec}}}\n\\toprule\n{body}\n\\bottomrule\n\\end{{tabular}}}}\n"
        "\\par\\smallskip\\raggedright\\footnotesize\n" + "\n".join(notes) + "\n\\end{table}\n"
    )


def _group_text(column: Column) -> str:
    return f"{column.group} ({column.note})" if column.note else column.group


def _tex(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in text)


def _tex_text(text: str, column: Column) -> str:
    return rf"\textit{{{_tex(text)}}}" if column.kind == "paper" and text else _tex(text)


def _tex_line(line: Line, view: View) -> str:
    cells = []
    for cell, column in zip(line.cells, view.columns, strict=True):
        text = rf"\textbf{{{_tex(cell.text)}}}" if cell.best else _tex_text(cell.text, column)
        cells.append(text + (rf"\textsuperscript{{{','.join(cell.marks)}}}" if cell.marks else ""))
    return " & ".join(cells) + r" \\"


def html_fragment(view: View) -> str:
    """A ``figure`` with the table; classes and ``data-`` attributes are those of ``templates/`` (style.css, page.js).

    A heading and the reference rows have a ``tbody`` each, since a sorted column is sorted within every ``tbody``.
    """
    out = [
        f'<figure class="table" id="{html.escape(view.id)}">',
        f"<h3>{html.escape(view.title)}</h3>",
    ]
    if view.warning:
        out.append(f'<p class="warning">{html.escape(view.warning)}</p>')
    region = f'class="scroll" role="region" tabindex="0" aria-label="{html.escape(view.title)}"'
    out += [
        f'<div {region}><table class="sortable n-last" data-relative="{view.relative}">',
        "<thead>",
        *_html_head(view),
        "</thead>",
    ]
    for number, section in enumerate(view.sections):
        if section.title:
            head = f'<th colspan="{len(view.columns)}" scope="rowgroup"><span>{html.escape(section.title)}</span></th>'
            out.append(f'<tbody class="heading"><tr class="section">{head}</tr></tbody>')
        for _, lines in groupby(section.lines, key=lambda line: line.reference):
            out += ["<tbody>", *(_html_line(line, view, number) for line in lines), "</tbody>"]
    out.append("</table></div>")
    if view.remarks or view.notes:
        out.append("<figcaption>")
        out += [f"<p>{html.escape(r)}</p>" for r in view.remarks]
        out += [f'<p class="note"><sup>{a}</sup> {html.escape(t)}</p>' for a, t in view.notes]
        out.append("</figcaption>")
    return "\n".join([*out, "</figure>", ""])


def _first(view: View, index: int) -> bool:
    """Whether a column opens a group of another kind: there a vertical rule is drawn."""
    return index > 0 and view.columns[index].group != view.columns[index - 1].group


def _classes(view: View, index: int) -> str:
    return view.columns[index].kind + (" first" if _first(view, index) else "")


def _all_classes(view: View) -> list[str]:
    return [_classes(view, index) for index in range(len(view.columns))]


def _html_head(view: View) -> list[str]:
    rows = []
    if any(c.group for c in view.columns):
        cells = []
        index = 0
        for (name, note), columns in groupby(view.columns, key=lambda c: (c.group, c.note)):
            size = len(list(columns))
            text = html.escape(name) + (f"<small>{html.escape(note)}</small>" if note else "")
            cells.append(f'<th colspan="{size}" scope="colgroup" class="{_classes(view, index)} no-sort">{text}</th>')
            index += size
        rows.append(f'<tr class="groups">{"".join(cells)}</tr>')
    names = [
        f'<th scope="col" class="{_classes(view, i)}">{html.escape(c.name)}</th>' for i, c in enumerate(view.columns)
    ]
    return [*rows, f"<tr>{''.join(names)}</tr>"]


def _html_line(line: Line, view: View, section: int) -> str:
    cells = []
    for cell, column, classes in zip(line.cells, view.columns, _all_classes(view), strict=True):
        text = html.escape(cell.text)
        text = f"<b>{text}</b>" if cell.best else text
        text = f'<a href="{html.escape(cell.link)}">{text}</a>' if cell.link else text
        marks = f"<sup>{','.join(cell.marks)}</sup>" if cell.marks else ""
        if column.kind == "label":
            given = f'th scope="row" class="{classes}" data-label="{html.escape(cell.text)}"'
        elif column.kind in LEFT:
            given = f'td class="{classes}"'  # sorted by its words
        else:
            given = f'td class="{classes}" data-sort="{_number(cell.text)}"'
        cells.append(f"<{given}>{text}{marks}</{given[:2]}>")
    names = " ".join(name for name in ("reference", "default") if getattr(line, name))
    given = f' class="{names}"' if names else ""
    return f'<tr data-section="{section}"{given}>{"".join(cells)}</tr>'


def _number(text: str) -> str:
    """What a cell is sorted by: the number that it begins with, or that it is below; empty without one."""
    found = re.match(r"(?:< )?([-+]?[\d.]+(?:e[-+]?\d+)?)", text.replace("−", "-").replace(",", ""))
    return found[1] if found else ""
