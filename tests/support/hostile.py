"""Texts that would run, load or read something if a page, a paper or a terminal obeyed them."""

from __future__ import annotations

FOREIGN = "FOREIGN"
"""Stands for an address that nothing may be loaded from."""

SECRET = "SECRET"
"""Stands for a file that nothing may read."""

TOUCHED = "TOUCHED"
"""Stands for a file that nothing may write."""

RUN = "window.hit=1"
"""What a script would do."""

MARKUP = [
    f"<script>{RUN}</script>", f"<img src=x onerror={RUN}>", f"<svg onload={RUN}>",
    f"<img src={FOREIGN}/image>", f"<iframe src={FOREIGN}/frame></iframe>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<link rel=stylesheet href={FOREIGN}/link>", f"<object data={FOREIGN}/object></object>",
    f"<style>@import url({FOREIGN}/import);</style>", f"<b style=background:url({FOREIGN}/b)>b</b>",
    f"<a href=javascript:{RUN}>a</a>", f"<video src={FOREIGN}/video autoplay></video>",
    f"<meta http-equiv=refresh content='0;url={FOREIGN}/refresh'>", f"<base href={FOREIGN}/>",
    f"<form action={FOREIGN}/form><button autofocus>b</button></form>",
    f'"><script>{RUN}</script>', f"' onmouseover='{RUN}", f'" autofocus onfocus="{RUN}" x="',
    f"</script><script>{RUN}</script>", "<!--<script>", f"--><script>{RUN}</script>",
    f"</style><script>{RUN}</script>", f"</title><script>{RUN}</script>",
    f"</code></pre><script>{RUN}</script>", f"]]><script>{RUN}</script>",
    f"<math><mtext><img src=x onerror={RUN}></mtext></math>",
    f"<math href=javascript:{RUN}><mi>x</mi></math>",
    f"&#60;script&#62;{RUN}&#60;/script&#62;", f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e", f"`${{{RUN}}}`",
    "{{ 7 * 7 }}{% include 'x' %}", f"<script src={FOREIGN}/script></script>",
]  # fmt: skip
"""Against a page."""

COMMANDS = [
    f"\\input{{{SECRET}}}", f"\\input {SECRET} ", f"\\include{{{SECRET}}}",
    f"\\lstinputlisting{{{SECRET}}}", f"\\openin5={SECRET} \\read5 to\\found \\found",
    f"\\immediate\\write18{{touch {TOUCHED}}}", f'\\input|"touch {TOUCHED}"',
    f"\\immediate\\openout6={TOUCHED} \\immediate\\write6{{x}}",
    f"\\href{{javascript:{RUN}}}{{x}}", f"\\url{{javascript:{RUN}}}",
    f"\\style{{background:url({FOREIGN}/style)}}{{x}}", f"\\text{{<img src=x onerror={RUN}>}}",
    f"\\mbox{{\\input{{{SECRET}}}}}", f"^^5cinput{{{SECRET}}}", f"\\catcode96=0 `input{{{SECRET}}}",
    f"\\csname input\\endcsname{{{SECRET}}}", f"}}\\input{{{SECRET}}}{{", f"$\\input{{{SECRET}}}$",
    f"\\end{{lstlisting}}\\input{{{SECRET}}}\\begin{{lstlisting}}", "\\end{document}",
    f"\\pdfobj file{{{SECRET}}}", "\\def\\x{\\x}\\x", "\\\\ & % ~ # _ ^ { }",
]  # fmt: skip
"""Against a paper."""

SIGNS = ["a\x1b[2J", "a\x07", "a\rb", "a\x00b", "a\u202eb", "a\u2028b", 'a"""b', "a\nb"]
"""Against a terminal, a comment and a docstring."""

HOSTILE = [*MARKUP, *COMMANDS, *SIGNS]

NAMES = ["a*/b", "(*a", f"javascript:{RUN}", "a b", "1a", "_a", "\u03b1"]
"""Harmless as mathematics, but no names."""
