"""Articles 18 to 21 and 24 to 26 of the Universal Declaration of Human Rights: the same content in four languages.

The official translations, with the punctuation that a transcript has.
"""

from __future__ import annotations

ENGLISH = (
    "Everyone has the right to freedom of thought, conscience and religion; this right includes freedom to change his "
    "religion or belief, and freedom, either alone or in community with others and in public or private, to manifest "
    "his religion or belief in teaching, practice, worship and observance.",
    "Everyone has the right to freedom of opinion and expression; this right includes freedom to hold opinions without "
    "interference and to seek, receive and impart information and ideas through any media and regardless of frontiers.",
    "Everyone has the right to freedom of peaceful assembly and association. No one may be compelled to belong to an "
    "association.",
    "Everyone has the right to take part in the government of his country, directly or through freely chosen "
    "representatives. Everyone has the right of equal access to public service in his country. The will of the people "
    "shall be the basis of the authority of government; this will shall be expressed in periodic and genuine elections "
    "which shall be by universal and equal suffrage and shall be held by secret vote or by equivalent free voting "
    "procedures.",
    "Everyone has the right to rest and leisure, including reasonable limitation of working hours and periodic "
    "holidays with pay.",
    "Everyone has the right to a standard of living adequate for the health and well-being of himself and of his "
    "family, including food, clothing, housing and medical care and necessary social services, and the right to "
    "security in the event of unemployment, sickness, disability, widowhood, old age or other lack of livelihood in "
    "circumstances beyond his control. Motherhood and childhood are entitled to special care and assistance. All "
    "children, whether born in or out of wedlock, shall enjoy the same social protection.",
    "Everyone has the right to education. Education shall be free, at least in the elementary and fundamental stages. "
    "Elementary education shall be compulsory. Technical and professional education shall be made generally available "
    "and higher education shall be equally accessible to all on the basis of merit. Education shall be directed to the "
    "full development of the human personality and to the strengthening of respect for human rights and fundamental "
    "freedoms. It shall promote understanding, tolerance and friendship among all nations, racial or religious groups, "
    "and shall further the activities of the United Nations for the maintenance of peace. Parents have a prior right "
    "to choose the kind of education that shall be given to their children.",
)
CHINESE = (
    "人人有思想、良心和宗教自由的权利；此项权利包括改变他的宗教或信仰的自由，以及单独或集体、公开或秘密地以教义、实践、"
    "礼拜和戒律表示他的宗教或信仰的自由。",
    "人人有权享有主张和发表意见的自由；此项权利包括持有主张而不受干涉的自由，和通过任何媒介和不论国界寻求、接受和传递消息"
    "和思想的自由。",
    "人人有权享有和平集会和结社的自由。任何人不得迫使隶属于某一团体。",
    "人人有直接或通过自由选择的代表参与治理本国的权利。人人有平等机会参加本国公务的权利。人民的意志是政府权力的基础；这一"
    "意志应以定期的和真正的选举予以表现，而选举应依据普遍和平等的投票权，并以不记名投票或相当的自由投票程序进行。",
    "人人有享有休息和闲暇的权利，包括工作时间有合理限制和定期给薪休假的权利。",
    "人人有权享受为维持他本人和家属的健康和福利所需的生活水准，包括食物、衣着、住房、医疗和必要的社会服务；在遭到失业、"
    "疾病、残废、守寡、衰老或在其他不能控制的情况下丧失谋生能力时，有权享受保障。母亲和儿童有权享受特别照顾和协助。一切儿童，"
    "无论婚生或非婚生，都应享受同样的社会保护。",
    "人人都有受教育的权利，教育应当免费，至少在初级和基本阶段应如此。初级教育应属义务性质。技术和职业教育应普遍设立。高等"
    "教育应根据成绩而对一切人平等开放。教育的目的在于充分发展人的个性并加强对人权和基本自由的尊重。教育应促进各国、各种族或"
    "各宗教集团间的了解、容忍和友谊，并应促进联合国维护和平的各项活动。父母对其子女所应受的教育的种类，有优先选择的权利。",
)
JAPANESE = (
    "すべて人は、思想、良心及び宗教の自由を享有する権利を有する。この権利は、宗教又は信念を変更する自由並びに単独で又は他の者と"
    "共同して、公的に又は私的に、布教、行事、礼拝及び儀式によって宗教又は信念を表明する自由を含む。",
    "すべて人は、意見及び表現の自由を享有する権利を有する。この権利は、干渉を受けることなく自己の意見をもつ自由並びにあらゆる"
    "手段により、また、国境を越えると否とにかかわりなく、情報及び思想を求め、受け、及び伝える自由を含む。",
    "すべて人は、平和的な集会及び結社の自由を享有する権利を有する。何人も、結社に属することを強制されない。",
    "すべて人は、直接に又は自由に選出された代表者を通じて、自国の政治に参与する権利を有する。すべて人は自国においてひとしく公務"
    "につく権利を有する。人民の意思は、統治の権力の基礎とならなければならない。この意思は、定期のかつ真正な選挙によって表明され"
    "なければならない。この選挙は、平等の普通選挙によるものでなければならず、また、秘密投票又はこれと同等の自由が保障される投票"
    "手続によって行われなければならない。",
    "すべて人は、労働時間の合理的な制限及び定期的な有給休暇を含む休息及び余暇をもつ権利を有する。",
    "すべて人は、衣食住、医療及び必要な社会的施設等により、自己及び家族の健康及び福祉に十分な生活水準を保持する権利並びに失業、"
    "疾病、心身障害、配偶者の死亡、老齢その他不可抗力による生活不能の場合は、保障を受ける権利を有する。母と子とは、特別の保護及び"
    "援助を受ける権利を有する。すべての児童は、嫡出であると否とを問わず、同じ社会的保護を享有する。",
    "すべて人は、教育を受ける権利を有する。教育は、少なくとも初等の及び基礎的の段階においては、無償でなければならない。初等教育は、"
    "義務的でなければならない。技術教育及び職業教育は、一般に利用できるものでなければならず、また、高等教育は、能力に応じ、すべて"
    "の者にひとしく開放されていなければならない。教育は、人格の完全な発展並びに人権及び基本的自由の尊重の強化を目的としなければ"
    "ならない。教育は、すべての国又は人種的もしくは宗教的集団の相互間の理解、寛容及び友好関係を増進し、かつ、平和の維持のため、"
    "国際連合の活動を促進するものでなければならない。親は、子に与える教育の種類を選択する優先的権利を有する。",
)
THAI = (
    "ทุกคนมีสิทธิในอิสรภาพแห่งความคิดมโนธรรมและศาสนา สิทธินี้รวมถึงอิสรภาพในการเปลี่ยนศาสนาหรือความเชื่อถือ "
    "และอิสรภาพในการที่จะประกาศศาสนา หรือความเชื่อถือของตน โดยการสอน การปฏิบัติการสักการะบูชาและการประกอบพิธีกรรม "
    "ไม่ว่าจะโดยลำพังตนเองหรือในประชาคมร่วมกับผู้อื่น และเป็นการสาธารณะหรือส่วนบุคคล",
    "ทุกคนมีสิทธิในอิสรภาพแห่งความเห็นและการแสดงออก "
    "สิทธินี้รวมถึงอิสรภาพในการที่จะถือเอาความเห็นโดยปราศจากการแทรกสอดและที่จะแสวงหา "
    "รับและแจกจ่ายข่าวสารและความคิดเห็นไม่ว่าโดยวิธีใด ๆ และโดยไม่คำนึงถึงเขตแดน",
    "ทุกคนมีสิทธิในอิสรภาพแห่งการร่วมประชุมและการตั้งสมาคมโดยสันติ บุคคลใด ๆ จะถูกบังคับให้สังกัดสมาคมหนึ่งสมาคมใดไม่ได้",
    "ทุกคนมีสิทธิที่จะมีส่วนในรัฐบาลของประเทศตน จะเป็นโดยตรงหรือโดยผ่านทางผู้แทนซึ่งได้เลือกตั้งโดยอิสระ "
    "ทุกคนมีสิทธิที่จะเข้าถึงบริการสาธารณะในประเทศของตนโดยเสมอภาค "
    "เจตจำนงของประชาชนจะต้องเป็นมูลฐานแห่งอำนาจของรัฐบาล เจตจำนงนี้จะต้องแสดงออกทางการเลือกตั้งตามกำหนดเวลา "
    "และอย่างแท้จริง ซึ่งอาศัยการออกเสียงโดยทั่วไปและเสมอภาค และการลงคะแนนลับ "
    "หรือวิธีการลงคะแนนโดยอิสระอย่างอื่นทำนองเดียวกัน",
    "ทุกคนมีสิทธิในการพักผ่อนและเวลาว่าง รวมทั้งการจำกัดเวลาทำงานตามสมควร และวันหยุดงานเป็นครั้งคราวโดยได้รับสินจ้าง",
    "ทุกคนมีสิทธิในมาตรฐานการครองชีพอันเพียงพอสำหรับสุขภาพและความเป็นอยู่ดีของตนและครอบครัว รวมทั้งอาหาร เครื่องนุ่งห่ม "
    "ที่อยู่อาศัย และการดูแลรักษาทางแพทย์และบริการสังคมที่จำเป็น และมีสิทธิในความมั่นคงยามว่างงาน เจ็บป่วยพิการ เป็นหม้าย "
    "วัยชรา หรือขาดอาชีพอื่นในพฤติการที่นอกเหนืออำนาจของตน "
    "มารดาและเด็กมีสิทธิที่จะรับการดูแลรักษาและการช่วยเหลือเป็นพิเศษ เด็กทั้งปวงไม่ว่าจะเกิดในหรือนอกสมรส "
    "จะต้องได้รับการคุ้มครองทางสังคมเช่นเดียวกัน",
    "ทุกคนมีสิทธิในการศึกษา การศึกษาจะต้องให้เปล่าอย่างน้อยในชั้นประถมศึกษาและการศึกษาชั้นหลักมูล "
    "การประถมศึกษาจะต้องเป็นการบังคับ การศึกษาทางเทคนิคและวิชาอาชีพ จะต้องเป็นอันเปิดโดยทั่วไป "
    "และการศึกษาชั้นสูงขึ้นไปก็จะต้องเป็นอันเปิดสำหรับทุกคนเข้าได้ถึงโดยเสมอภาคตามมูลฐานแห่งคุณวุฒิ "
    "การศึกษาจะได้จัดไปในทางพัฒนาบุคลิกภาพของมนุษย์อย่างเต็มที่และยังความเคารพต่อสิทธิมนุษยชน "
    "และอิสรภาพหลักมูลให้มั่นคงแข็งแรง จะต้องส่งเสริมความเข้าใจ ขันติธรรม และมิตรภาพระหว่างบรรดาประชาชาติ กลุ่มเชื้อชาติ "
    "หรือศาสนา และจะต้องส่งเสริมกิจกรรมของสหประชาชาติ เพื่อการธำรงไว้ซึ่งสันติภาพ "
    "บิดามารดา มีสิทธิเบื้องแรกที่จะเลือกชนิดของการศึกษาอันจะให้แก่บุตรของตน",
)
