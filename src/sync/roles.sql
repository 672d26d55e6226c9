-- A database for claude-memory, who may write in it and who may only read. For psql, as a superuser; running it again changes
-- nothing. Then give each role a password: \password claude_memory and \password claude_memory_reader
-- claude_memory          of the machines that send and take: owns the tables, may do nothing elsewhere.
-- claude_memory_reader   of the machines that only search (`search --remote`, `serve --backend production`).
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', wanted)
FROM unnest(ARRAY['claude_memory', 'claude_memory_reader']) wanted
WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted) \gexec
SELECT 'CREATE DATABASE claude_memory_db TEMPLATE template0 ENCODING ''UTF8'''
WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = 'claude_memory_db') \gexec
REVOKE ALL ON DATABASE claude_memory_db FROM PUBLIC;
GRANT CONNECT ON DATABASE claude_memory_db TO claude_memory, claude_memory_reader;
\connect claude_memory_db
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO claude_memory;
GRANT USAGE ON SCHEMA public TO claude_memory_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO claude_memory_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE claude_memory IN SCHEMA public GRANT SELECT ON TABLES TO claude_memory_reader;
-- Vectors in PostgreSQL itself, where the server has pgvector.
SELECT 'CREATE EXTENSION IF NOT EXISTS vector' FROM pg_available_extensions WHERE name = 'vector' \gexec
