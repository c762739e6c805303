-- For each pair of quoted table name and key: the table, its partitions and INHERITS children at
-- every depth, with the triggers that have the key; and where else there are such triggers
-- (depth -1): on partitions detached since and on tables renamed since.
WITH RECURSIVE given AS (
    SELECT position::int - 1 AS position, to_regclass(name)::oid AS root, key
    FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS arguments(name, key, position)
),
family(position, oid, depth) AS (
    SELECT position, root, 0 FROM given WHERE root IS NOT NULL
  UNION
    SELECT position, inhrelid, depth + 1
    FROM family JOIN pg_inherits ON inhparent = family.oid
),
ours AS (
    SELECT tgrelid, tgname, tgenabled, obj_description(oid, 'pg_trigger') AS comment
    FROM pg_trigger WHERE NOT tgisinternal AND starts_with(tgname::text, %s)
),
found AS (
    SELECT position, family.oid, depth, tgname, tgenabled, comment
    FROM family JOIN given USING (position)
    LEFT JOIN ours ON tgrelid = family.oid AND split_part(tgname::text, '_', 3) = key
  UNION ALL
    SELECT position, tgrelid, -1, tgname, tgenabled, comment
    FROM given JOIN ours ON split_part(tgname::text, '_', 3) = key
    WHERE root IS NOT NULL AND NOT EXISTS (
        SELECT FROM family WHERE family.position = given.position AND family.oid = tgrelid)
)
SELECT position, depth, format('%%I.%%I', nspname, relname), relkind::text,
       tgname::text, tgenabled::text, comment
FROM found
JOIN pg_class ON pg_class.oid = found.oid
JOIN pg_namespace ON pg_namespace.oid = relnamespace
ORDER BY found.oid, tgname
