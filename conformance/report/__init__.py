"""One run record, many renderers: a module per artefact; `render` writes them all."""
