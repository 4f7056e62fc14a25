// VLMedia
