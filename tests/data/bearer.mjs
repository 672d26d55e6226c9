// A door beside the door: passes requests on to a server on loopback with its token, for clients that cannot bring one.
// node bearer.mjs HOST:PORT TOKEN-FILE; prints its own port. Host and Origin are rewritten only when they name this door.
import http from "node:http";
import fs from "node:fs";

const [target, tokenFile] = process.argv.slice(2);
const [hostname, port] = target.split(":");
const token = fs.readFileSync(tokenFile, "utf8").trim();

const door = http.createServer((request, response) => {
  const own = `${door.address().port}`;
  const headers = { ...request.headers, authorization: `Bearer ${token}` };
  const named = headers.host ?? "";
  if (headers.origin?.endsWith(`:${own}`)) headers.origin = `${headers.origin.slice(0, -own.length)}${port}`;
  if (named.endsWith(`:${own}`)) headers.host = `${named.slice(0, -own.length)}${port}`;
  const passed = http.request({ hostname, port, path: request.url, method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  passed.on("error", () => response.destroy());
  response.on("close", () => passed.destroy());
  request.pipe(passed);
});
door.listen(0, "127.0.0.1", () => console.log(door.address().port));
