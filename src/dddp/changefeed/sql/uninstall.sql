-- Removes what any version of the change feed has put into this database.
DO $uninstall$
DECLARE
  item record;
BEGIN
  FOR item IN
    SELECT t.tgname, t.tgrelid::regclass AS relation
    FROM pg_trigger t
    JOIN pg_proc p ON p.oid = t.tgfoid
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'dddp' AND p.proname ~ '^v[0-9]+_' AND NOT t.tgisinternal
    ORDER BY t.tgrelid, t.tgname
  LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', item.tgname, item.relation);
  END LOOP;
  FOR item IN
    SELECT p.oid::regprocedure AS signature
    FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'dddp' AND p.proname ~ '^v[0-9]+_'
  LOOP
    EXECUTE format('DROP FUNCTION %s', item.signature);
  END LOOP;
  BEGIN
    DROP SCHEMA IF EXISTS dddp;
  EXCEPTION WHEN dependent_objects_still_exist THEN
    NULL;  -- it holds something that is not ours
  END;
END $uninstall$
