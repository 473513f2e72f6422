"""The two doors: the REST API and the intake of request topics, with one acceptance behind both."""
