import asyncio

from zephyr_deploy.engines.llamacpp.gateway.sse import KEEP_ALIVE_S, EventStream, event


async def stay():
    await asyncio.Event().wait()


def run(frames, *, receive=stay, keep_alive_s=60.0, heard=lambda _sent: None):
    async def main():
        sent = []

        async def send(message):
            sent.append(message)
            heard(sent)

        await asyncio.wait_for(EventStream(frames, {}, keep_alive_s=keep_alive_s)({}, receive, send), 10)
        return sent

    return asyncio.run(main())


def test_a_comment_is_sent_in_silence_only():
    enough = asyncio.Event()

    def heard(sent):
        if [message.get("body") for message in sent].count(b":\n\n") == 2:
            enough.set()

    async def frames():
        yield b"data: 1\n\n"
        await enough.wait()
        yield b"data: 2\n\n"

    bodies = [message["body"] for message in run(frames(), keep_alive_s=0.05, heard=heard)[1:]]
    assert bodies == [b"data: 1\n\n", b":\n\n", b":\n\n", b"data: 2\n\n", b""]
    assert KEEP_ALIVE_S == 15.0


def test_no_comment_while_events_flow():
    async def frames():
        for _ in range(20):
            await asyncio.sleep(0.02)
            yield b"data: 1\n\n"

    assert b":\n\n" not in [message.get("body") for message in run(frames(), keep_alive_s=0.3)]


def test_the_source_is_closed_when_the_client_leaves():
    closed = []

    async def frames():
        try:
            while True:
                yield b"data: 1\n\n"
                await asyncio.sleep(0.01)
        finally:
            closed.append(True)

    async def leave():
        await asyncio.sleep(0.05)
        return {"type": "http.disconnect"}

    run(frames(), receive=leave)
    assert closed == [True]


def test_an_event_is_compact_and_keeps_its_characters():
    assert event({"a": "é\n", "b": [1, None]}) == 'data: {"a":"é\\n","b":[1,null]}\n\n'.encode()
