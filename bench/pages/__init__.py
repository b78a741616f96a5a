"""From results to what is read: tables as Markdown, LaTeX and HTML, figures, the report's templates.

What enters is a view or findings of `bench.results`; what leaves is text or a picture. No number is computed here and
no verdict is reached: a page that needs one takes it from `bench.results`.
"""
