-- The functions behind the triggers of the change feed. They run with the rights of whoever
-- writes, under any search_path. VERSION is replaced by the version of the message layout, so
-- that two versions of the server can be fed from one database.
--
-- Message: [xid, "table", "I|U|D|T", rows | null, n]
--   rows  INSERT [[new], ...]   UPDATE [[new, old], ...]   DELETE [[old], ...]
--         null: too much to list, query the table again (always null for T, TRUNCATE)
--   n     counts the messages of a transaction on this channel from 0. NOTIFY drops equal payloads
--         of one transaction, so all must differ; a listener sees by a gap that one is missing.
-- A message too long for one notification travels in pieces "+n:i:text", the last ".n:i:text".

-- The only way out: replace this function to send the changes by another road.
CREATE OR REPLACE FUNCTION dddp.vVERSION_send(channel text, head text, rows text) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
  -- few expressions: each is made ready anew in each transaction
  n text := set_config('dddp.' || channel, (coalesce(
    nullif(current_setting('dddp.' || channel, true), ''), '-1')::int + 1)::text, true);
  message text := '[' || pg_current_xact_id() || ',' || head || ','
    || CASE WHEN octet_length(rows) <= 1048576 THEN rows ELSE 'null' END || ',' || n || ']';
  size int;
  block text;
  i int;
  done boolean;
BEGIN
  IF octet_length(message) < 8000 THEN
    -- unlike PERFORM, an expression does without the executor
    done := pg_notify(channel, message) IS NULL;
    RETURN;
  END IF;
  -- a notification holds 7999 bytes, a character up to 4 of them
  size := CASE WHEN octet_length(message) = length(message) THEN 7900 ELSE 1950 END;
  i := 0;
  -- by blocks: cutting a piece from a text costs as much as the text is long
  LOOP
    block := left(message, size * 12);
    message := substr(message, size * 12 + 1);
    WHILE length(block) > size LOOP
      PERFORM pg_notify(channel, '+' || n || ':' || i || ':' || left(block, size));
      block := substr(block, size + 1);
      i := i + 1;
    END LOOP;
    EXIT WHEN message = '';
    PERFORM pg_notify(channel, '+' || n || ':' || i || ':' || block);
    i := i + 1;
  END LOOP;
  PERFORM pg_notify(channel, '.' || n || ':' || i || ':' || block);
END $function$;

-- Many rows share a message as long as it stays in one notification. NULL: they cannot be listed.
CREATE OR REPLACE FUNCTION dddp.vVERSION_send_rows(channel text, head text, rows text[])
RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
  item text;
  batch text;
  done boolean;
BEGIN
  IF rows IS NULL OR cardinality(rows) = 1 THEN
    done := dddp.vVERSION_send(channel, head, '[' || rows[1] || ']') IS NULL;
    RETURN;
  END IF;
  FOREACH item IN ARRAY rows LOOP
    IF batch IS NULL THEN
      batch := item;
    ELSIF octet_length(batch) + octet_length(item) < 7500 THEN
      batch := batch || ',' || item;
    ELSE
      PERFORM dddp.vVERSION_send(channel, head, '[' || batch || ']');
      batch := item;
    END IF;
  END LOOP;
  IF batch IS NOT NULL THEN
    PERFORM dddp.vVERSION_send(channel, head, '[' || batch || ']');
  END IF;
END $function$;

-- The arguments of every trigger: channel, table, most rows to list, hidden columns...
-- Variables and aliases begin with dddp__ so that no column of a table can have their name.
-- A row that cannot be rendered (too large for text, a json value jsonb refuses) must not make
-- the writer fail: the message then says that the table has to be queried again.

-- INSERT and DELETE
CREATE OR REPLACE FUNCTION dddp.vVERSION_rows() RETURNS trigger LANGUAGE plpgsql
SET TimeZone = 'UTC' SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = 1 AS $function$
#variable_conflict use_variable
DECLARE
  dddp__head text := to_json(TG_ARGV[1]) || ',"' || left(TG_OP, 1) || '"';
  dddp__limit int := TG_ARGV[2];
  dddp__hidden text[] := CASE WHEN TG_NARGS > 3 THEN TG_ARGV[3:] END;
  dddp__list text[];
  dddp__done boolean;
BEGIN
  BEGIN
    -- reads one row more than may be listed, however many there are
    SELECT CASE WHEN dddp__limit >= (
        SELECT count(*) FROM (SELECT FROM dddp_rows LIMIT dddp__limit + 1) AS dddp__r)
      THEN ARRAY(
        SELECT '[' || CASE WHEN dddp__hidden IS NULL THEN row_to_json(dddp__r.*)::text
                           ELSE (to_jsonb(dddp__r.*) - dddp__hidden)::text END || ']'
        FROM dddp_rows AS dddp__r) END
      INTO dddp__list;
  EXCEPTION WHEN OTHERS THEN
    RAISE LOG 'dddp: changes of % cannot be listed: %', TG_ARGV[1], SQLERRM;
    dddp__list := NULL;
  END;
  dddp__done := dddp.vVERSION_send_rows(TG_ARGV[0], dddp__head, dddp__list) IS NULL;
  RETURN NULL;
END $function$;

-- The k-th new row belongs to the k-th old one, also when the primary key changes. Sets unnested
-- in one SELECT list advance in step: a join on a position would be planned for one row.
CREATE OR REPLACE FUNCTION dddp.vVERSION_update() RETURNS trigger LANGUAGE plpgsql
SET TimeZone = 'UTC' SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = 1 AS $function$
#variable_conflict use_variable
DECLARE
  dddp__head text := to_json(TG_ARGV[1]) || ',"U"';
  dddp__limit int := TG_ARGV[2];
  dddp__hidden text[] := CASE WHEN TG_NARGS > 3 THEN TG_ARGV[3:] END;
  dddp__count int;
  dddp__replaced int;
  dddp__list text[];
  dddp__done boolean;
BEGIN
  BEGIN
    -- a single pair is a single row, as most statements have
    dddp__list := ARRAY(
      SELECT CASE WHEN (dddp__n.*) OPERATOR(pg_catalog.*<>) (dddp__o.*)
        THEN '[' || CASE WHEN dddp__hidden IS NULL
            THEN row_to_json(dddp__n.*)::text || ',' || row_to_json(dddp__o.*)::text
            ELSE (to_jsonb(dddp__n.*) - dddp__hidden)::text
              || ',' || (to_jsonb(dddp__o.*) - dddp__hidden)::text
          END || ']' END
      FROM dddp_new AS dddp__n, dddp_old AS dddp__o LIMIT 2);
    IF cardinality(dddp__list) = 1 AND dddp__limit > 0 THEN
      dddp__list := array_remove(dddp__list, NULL);
    ELSE
      SELECT (SELECT count(*) FROM (SELECT FROM dddp_new LIMIT dddp__limit + 1) AS dddp__n),
             (SELECT count(*) FROM (SELECT FROM dddp_old LIMIT dddp__limit + 1) AS dddp__o)
        INTO dddp__count, dddp__replaced;
      -- a BEFORE trigger may swallow rows on their way to another partition: then nothing pairs
      dddp__list := CASE WHEN dddp__count <= dddp__limit AND dddp__count = dddp__replaced THEN ARRAY(
        SELECT '[' || CASE WHEN dddp__hidden IS NULL
            THEN row_to_json(dddp__p.dddp__n)::text || ',' || row_to_json(dddp__p.dddp__o)::text
            ELSE (to_jsonb(dddp__p.dddp__n) - dddp__hidden)::text
              || ',' || (to_jsonb(dddp__p.dddp__o) - dddp__hidden)::text
          END || ']'
        FROM (SELECT unnest((SELECT array_agg(dddp__r.*) FROM dddp_new AS dddp__r)) AS dddp__n,
                     unnest((SELECT array_agg(dddp__r.*) FROM dddp_old AS dddp__r)) AS dddp__o
             ) AS dddp__p
        WHERE dddp__p.dddp__n OPERATOR(pg_catalog.*<>) dddp__p.dddp__o) END;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    RAISE LOG 'dddp: changes of % cannot be listed: %', TG_ARGV[1], SQLERRM;
    dddp__list := NULL;
  END;
  dddp__done := dddp.vVERSION_send_rows(TG_ARGV[0], dddp__head, dddp__list) IS NULL;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION dddp.vVERSION_truncate() RETURNS trigger LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM dddp.vVERSION_send(TG_ARGV[0], to_json(TG_ARGV[1]) || ',"T"', NULL);
  RETURN NULL;
END $function$;
