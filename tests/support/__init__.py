"""What several tests share: an upstream that fails on command, and the real server as a process."""
