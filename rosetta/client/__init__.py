"""The SDK: the gateway's engine in the caller's process."""
