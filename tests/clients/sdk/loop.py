"""The official Python SDKs, one small tool loop for each: loop.py WIRE BASE_URL MODEL stream|plain PROMPT, the key in $RIG_KEY.

Run by the rig's own Python (install.sh DIR all), which has the SDKs. Prints the model's last words.
"""

import json
import os
import subprocess
import sys

wire, base_url, model, mode, prompt = sys.argv[1:6]
STREAM, KEY = mode == "stream", os.environ["RIG_KEY"]
MOST_TURNS = 5
SYSTEM = "You are terse."
DESCRIPTION = "Run a shell command and return what it prints"
SCHEMA = {
    "type": "object",
    "properties": {"command": {"type": "string", "description": "the command"}},
    "required": ["command"],
    "additionalProperties": False,
}


def shell(command):
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False).stdout


def chat():
    import openai

    client = openai.OpenAI(base_url=base_url + "/v1", api_key=KEY, max_retries=3)
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt}]
    tools = [{"type": "function", "function": {"name": "bash", "description": DESCRIPTION, "parameters": SCHEMA}}]
    for _ in range(MOST_TURNS):
        asked = {"model": model, "messages": messages, "tools": tools, "max_completion_tokens": 1000}
        if STREAM:
            with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
                for _event in stream:
                    pass
                completion = stream.get_final_completion()
        else:
            completion = client.chat.completions.create(**asked)
        message = completion.choices[0].message
        assert completion.usage and completion.usage.total_tokens > 0, "no usage"
        if not message.tool_calls:
            return message.content
        assert completion.choices[0].finish_reason == "tool_calls", completion.choices[0].finish_reason
        calls = [
            {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}
            for call in message.tool_calls
        ]
        messages.append({"role": "assistant", "content": message.content, "tool_calls": calls})
        messages += [
            {"role": "tool", "tool_call_id": call["id"], "content": shell(json.loads(call["function"]["arguments"])["command"])}
            for call in calls
        ]
    return None


def responses():
    import openai

    client = openai.OpenAI(base_url=base_url + "/v1", api_key=KEY, max_retries=3)
    items = [{"role": "user", "content": prompt}]
    asked = {
        "model": model,
        "input": items,
        "instructions": SYSTEM,
        "tools": [{"type": "function", "name": "bash", "description": DESCRIPTION, "parameters": SCHEMA, "strict": True}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": 1000,
    }
    for _ in range(MOST_TURNS):
        if STREAM:
            with client.responses.stream(**asked) as stream:
                for _event in stream:
                    pass
                response = stream.get_final_response()
        else:
            response = client.responses.create(**asked)
        assert response.usage and response.usage.total_tokens > 0, "no usage"
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            return response.output_text
        for item in response.output:
            # What the SDK adds of its own stays out.
            value = {key: part for key, part in item.model_dump(exclude_none=True).items() if key not in ("parsed_arguments", "status")}
            for part in value.get("content", []):
                part.pop("parsed", None)
            items.append(value)
        items += [
            {"type": "function_call_output", "call_id": call.call_id, "output": shell(json.loads(call.arguments)["command"])}
            for call in calls
        ]
    return None


def anthropic():
    import anthropic as sdk

    client = sdk.Anthropic(base_url=base_url, api_key=KEY, max_retries=3)
    messages = [{"role": "user", "content": prompt}]
    asked = {
        "model": model,
        "messages": messages,
        "tools": [{"name": "bash", "description": DESCRIPTION, "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}],
        "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "system": [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}],
    }
    kept = {"type", "text", "id", "name", "input", "thinking", "signature", "data"}
    for _ in range(MOST_TURNS):
        if STREAM:
            with client.messages.stream(**asked) as stream:
                for _event in stream:
                    pass
                message = stream.get_final_message()
        else:
            message = client.messages.create(**asked)
        assert message.usage.output_tokens > 0, "no usage"
        if message.stop_reason != "tool_use":
            assert message.stop_reason == "end_turn", message.stop_reason
            return "".join(block.text for block in message.content if block.type == "text")
        messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True, include=kept) for block in message.content]})
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": [{"type": "text", "text": shell(block.input["command"])}]}
            for block in message.content
            if block.type == "tool_use"
        ]
        messages.append({"role": "user", "content": results})
    return None


def google():
    from google import genai
    from google.genai import types

    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=base_url))
    function = types.FunctionDeclaration(name="bash", description=DESCRIPTION, parameters_json_schema=SCHEMA)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[function])],
        system_instruction=SYSTEM,
        max_output_tokens=1000,
        temperature=0.5,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        thinking_config=types.ThinkingConfig(include_thoughts=True),
    )
    contents = [types.Content(role="user", parts=[types.Part(text=prompt)])]
    for _ in range(MOST_TURNS):
        if STREAM:
            parts, usage = [], None
            for chunk in client.models.generate_content_stream(model=model, contents=contents, config=config):
                if chunk.candidates and chunk.candidates[0].content and chunk.candidates[0].content.parts:
                    parts += chunk.candidates[0].content.parts
                usage = chunk.usage_metadata or usage
        else:
            response = client.models.generate_content(model=model, contents=contents, config=config)
            parts, usage = response.candidates[0].content.parts, response.usage_metadata
        assert usage and usage.total_token_count > 0, "no usage"
        calls = [part.function_call for part in parts if part.function_call]
        if not calls:
            return "".join(part.text or "" for part in parts if not part.thought)
        results = [
            types.Part(
                function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": shell(call.args["command"])})
            )
            for call in calls
        ]
        contents += [types.Content(role="model", parts=parts), types.Content(role="user", parts=results)]
    return None


print({"chat": chat, "responses": responses, "anthropic": anthropic, "google": google}[wire]())
