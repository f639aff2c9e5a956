// Talks to a gateway with the official npm client, one case a run:
//
//   node client.cjs CASE BASE_URL API_KEY
//
// and prints what it saw as one JSON object, for test_node_client.py to judge.
"use strict";

const OpenAI = require("openai");

const [, , name, baseURL, apiKey] = process.argv;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 15_000 });
const messages = [{ role: "user", content: "Hello?" }];
const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }];

async function read(stream) {
  const seen = { content: "", chunks: 0, usage: null, finish: null };
  for await (const chunk of stream) {
    seen.chunks += 1;
    seen.usage = chunk.usage ?? seen.usage;
    seen.content += chunk.choices[0]?.delta?.content ?? "";
    seen.finish = chunk.choices[0]?.finish_reason ?? seen.finish;
  }
  return seen;
}

const cases = {
  async plain() {
    const { data, response } = await client.chat.completions
      .create({ model: "small", messages })
      .withResponse();
    return {
      content: data.choices[0].message.content,
      usage: data.usage,
      attempts: response.headers.get("x-stepdown-attempts"),
      model: response.headers.get("x-stepdown-model"),
      cost: response.headers.get("x-stepdown-cost"),
    };
  },

  async stream() {
    return read(await client.chat.completions.create({ model: "small", messages, stream: true }));
  },

  async streamWithUsage() {
    const options = { stream: true, stream_options: { include_usage: true } };
    return read(await client.chat.completions.create({ model: "small", messages, ...options }));
  },

  async helper() {
    const runner = client.chat.completions.stream({ model: "small", messages });
    return { content: (await runner.finalChatCompletion()).choices[0].message.content };
  },

  async tools() {
    const reply = await client.chat.completions.create({ model: "tools", messages, tools });
    return { calls: reply.choices[0].message.tool_calls };
  },

  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return { ids: ids.sort() };
  },

  async cascadePlain() {
    const { data, response } = await client.chat.completions
      .create({ model: "labels", messages })
      .withResponse();
    return {
      content: data.choices[0].message.content,
      model: response.headers.get("x-stepdown-model"),
      attempts: response.headers.get("x-stepdown-attempts"),
    };
  },

  async cascadeStream() {
    return read(await client.chat.completions.create({ model: "labels", messages, stream: true }));
  },

  async unknownModel() {
    return client.chat.completions.create({ model: "smal", messages });
  },

  async wrongType() {
    return client.chat.completions.create({ model: "small", messages, max_tokens: "many" });
  },

  async wrongKey() {
    const stranger = new OpenAI({ baseURL, apiKey: "sk-wrong", maxRetries: 0 });
    return stranger.chat.completions.create({ model: "small", messages });
  },

  async rateLimited() {
    return client.chat.completions.create({ model: "limited", messages });
  },

  async brokenStream() {
    return read(await client.chat.completions.create({ model: "broken", messages, stream: true }));
  },

  async abort() {
    const gone = new AbortController();
    const stream = await client.chat.completions.create(
      { model: "stalled", messages, stream: true },
      { signal: gone.signal },
    );
    for await (const _ of stream) gone.abort();
    return { aborted: gone.signal.aborted };
  },
};

cases[name]().then(
  (seen) => console.log(JSON.stringify(seen)),
  (error) =>
    console.log(
      JSON.stringify({
        error: error.constructor.name,
        status: error.status ?? null,
        code: error.code ?? null,
        param: error.param ?? null,
        message: error.message,
      }),
    ),
);
