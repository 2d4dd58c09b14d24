"""HTTP: who may ask what, in which form; the page's files. What is answered is not here."""
