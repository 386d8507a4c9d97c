"""Reading messages: what a customer asks for (`intents`), how they say it (`tone`), and the case type it makes."""
