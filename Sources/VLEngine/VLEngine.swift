// VLEngine
