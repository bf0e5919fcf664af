-- How the beginning of a row's life is known, for the versions that no other one came before; and what the log told when a row of staging
-- came to be as it is. Null for what was written before: it is not known. The program adds the columns to each table of these schemas.
create schema if not exists history;
create schema if not exists since;
