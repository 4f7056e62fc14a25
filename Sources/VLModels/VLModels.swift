// VLModels
