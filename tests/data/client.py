"""A second, independent MCP client: the official Python SDK. Arguments: the binary, the mode. Prints what it saw."""
import asyncio
import json
import os
import sys

from mcp import Client, StdioServerParameters


async def main():
    server = StdioServerParameters(command=sys.argv[1], args=["mcp"], env=dict(os.environ))
    async with Client(server, mode=sys.argv[2]) as client:
        tools = await client.list_tools()
        found = await client.call_tool("memory_search", {"query": "ERR_POOL_EXHAUSTED", "limit": 1})
        wrong = await client.call_tool("memory_search", {})
        print(json.dumps({
            "tools": len(tools.tools),
            "session": found.structured_content["results"][0]["session_id"],
            "missing_argument_is_tool_error": wrong.is_error,
        }))


asyncio.run(main())
