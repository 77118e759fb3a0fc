"""The channels of the vendored document: RCS, KakaoTalk, LINE and Telegram."""
