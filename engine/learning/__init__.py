"""The learned futures trader's core: it learns from every outcome and trades only on evidence. Pure."""
