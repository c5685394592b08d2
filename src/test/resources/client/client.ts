import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };

type IOThread = components["schemas"]["IOThreadInfo"];
type Device = components["schemas"]["DeviceInfo"];

const client = createClient<paths, `application/${string}`>({ baseUrl: process.argv[2] });
const machine = "demo";

function read<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) {
    throw new Error(JSON.stringify(answer.error));
  }
  return answer.data;
}

const iothread = { params: { path: { machine, id: "typed0" } } };
const device = { params: { path: { machine, device: "disk-typed0" } } };

const added: IOThread = read(
  await client.POST("/api/v1/machines/{machine}/iothreads", { params: { path: { machine } }, body: { id: "typed0" } }),
);
console.log(`added ${added.id}`);

const tuned: IOThread = read(
  await client.PATCH("/api/v1/machines/{machine}/iothreads/{id}", { ...iothread, body: { "poll-max-ns": 65536 } }),
);
console.log(`tuned ${tuned["poll-max-ns"]}`);

const attached: Device = read(
  await client.POST("/api/v1/machines/{machine}/devices", {
    params: { path: { machine } },
    body: { id: "disk-typed0", drive: "disk15", iothreads: ["typed0"] },
  }),
);
console.log(`attached ${attached.iothreads.join()}`);

const listed: IOThread[] = read(
  await client.GET("/api/v1/machines/{machine}/iothreads", { params: { path: { machine } } }),
);
console.log(`listed ${listed.find((each) => each.id === "typed0")?.["attached-cnt"]}`);

// The text beside the JSON is a string of its own.
const text: string = read(
  await createClient<paths, "text/plain">({ baseUrl: process.argv[2] }).GET(
    "/api/v1/machines/{machine}/devices",
    { params: { path: { machine } }, headers: { Accept: "text/plain" }, parseAs: "text" },
  ),
);
console.log(text.split("\n")[0].split(/ +/).slice(0, 2).join());

const detached = await client.DELETE("/api/v1/machines/{machine}/devices/{device}", device);
console.log(`detached ${detached.response.status}`);

const removed = await client.DELETE("/api/v1/machines/{machine}/iothreads/{id}", iothread);
console.log(`removed ${removed.response.status}`);

const refused = await client.DELETE("/api/v1/machines/{machine}/iothreads/{id}", iothread);
console.log(refused.error?.type);
