"""A small mixed corpus, written for this purpose: enough for a few hundred useful merges in several scripts."""

TEXT = """
The picture shows a small red bicycle in front of a white wall. What is in this picture? Describe the image in detail.
There are two cats on the sofa; one is black and the other is grey. How many people can you see in the photograph?
You are a helpful assistant. I'm sure that's right, they've said we'll do it, he'd know, she's here, don't you think?
Compare the first image with the second image, and tell me the difference between them. Read the text on the sign.
The table lists the total of each column: 12 345,67 and 98.6 and 2024-08-31. The invoice is due on 15 March 2025.
def forward(self, hidden_states, attention_mask=None):
    return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))
for (int i = 0; i < n; ++i) { sum += a[i] * b[i]; }
{"name": "get_weather", "arguments": {"city": "Paris", "unit": "celsius"}}
La voiture rouge est garée devant la maison. Où est le café? Déjà vu, naïve, garçon, élève, œuvre.
Das Bild zeigt eine große Straße mit Bäumen. Können Sie das Schild lesen? Fußgänger überqueren die Straße.
El niño juega en el jardín. ¿Cuántas personas hay en la imagen? ¡Qué día más bonito, señor!
На картинке изображена собака, которая бежит по снегу. Что написано на вывеске? Сколько людей на фото?
图中有一只猫坐在沙发上。请描述这张图片。这是什么颜色的汽车？图片里有多少个人？请阅读招牌上的文字。
画像には赤い自転車が写っています。この写真に何が見えますか。日本語で説明してください。
이 사진에는 무엇이 있습니까? 고양이 두 마리가 소파에 앉아 있습니다. 사진을 자세히 설명해 주세요.
في الصورة قطة صغيرة تجلس على الأريكة. ماذا ترى في هذه الصورة؟
इस चित्र में एक लाल साइकिल है। कृपया चित्र का वर्णन करें।
ภาพนี้แสดงแมวสองตัวบนโซฟา กรุณาอธิบายภาพนี้
Η εικόνα δείχνει ένα μικρό σπίτι δίπλα στη θάλασσα.
😀 😃 👍🏽 👩‍👩‍👧‍👦 ❤️ 🇫🇷 🚲 🐈 🖼️
(x1,y1),(x2,y2) (120,340),(560,780) <ref>the bicycle</ref><box>(15,20),(300,410)</box>
    indented by four
\tindented by a tab
  - a list item
  - another list item
# Heading

A paragraph after an empty line.
"""
