-- PostgreSQL's name for a hash of 64 bits over a text, so that one SQL text runs on both engines. Its values differ there, and are kept
-- nowhere.
create macro if not exists hashtextextended(value, seed) as hash(value, seed);
