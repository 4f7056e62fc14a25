// VLText
