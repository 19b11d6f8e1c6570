-- The accounting system's base, with tables and columns named as a 1C-like system names them.
-- Every row says when it was last changed; primary keys begin with the account.

CREATE TABLE "ЛицевыеСчета" (
    "ЛС"            varchar(30) NOT NULL,
    "ЕЛС"           varchar(10),
    "КодАбонента"   varchar(20) NOT NULL,
    "ФИО"           varchar(500) NOT NULL,
    "ВидАбонента"   varchar(10) NOT NULL,
    "АбонентС"      date,
    "Адрес"         varchar(500) NOT NULL,
    "Площадь"       numeric(18,6),
    "Проживает"     integer,
    "Открыт"        date,
    "Закрыт"        date,
    "Дом"           varchar(20),
    "ЖилаяПлощадь"  numeric(18,6),
    "Зарегистрировано" integer,
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "Услуги" (
    "Услуга"        varchar(30) NOT NULL,
    "Компонент"     varchar(30) NOT NULL,
    "Наименование"  varchar(200) NOT NULL,
    "Единица"       varchar(20) NOT NULL,
    "Порядок"       integer NOT NULL,
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "Начисления" (
    "ЛС"                 varchar(30) NOT NULL,
    "Месяц"              date NOT NULL,
    "Услуга"             varchar(30) NOT NULL,
    "Компонент"          varchar(30) NOT NULL,
    "Объем"              numeric(18,6),
    "Тариф"              numeric(18,6),
    "СпособРасчета"      varchar(40) NOT NULL,
    "Начислено"          numeric(15,2) NOT NULL,
    "Перерасчет"         numeric(15,2) NOT NULL,
    "ПричинаПерерасчета" varchar(200),
    "Льгота"             numeric(15,2) NOT NULL,
    "Итого"              numeric(15,2) NOT NULL,
    "Дней"               integer,
    "Норматив"           numeric(18,6),
    "ПовышающийКоэффициент" numeric(18,6),
    "ДатаИзменения"      timestamptz NOT NULL
);

CREATE TABLE "Сальдо" (
    "ЛС"              varchar(30) NOT NULL,
    "Месяц"           date NOT NULL,
    "Услуга"          varchar(30) NOT NULL,
    "СальдоНачальное" numeric(15,2) NOT NULL,
    "Начислено"       numeric(15,2) NOT NULL,
    "Перерасчет"      numeric(15,2) NOT NULL,
    "Льгота"          numeric(15,2) NOT NULL,
    "Пени"            numeric(15,2) NOT NULL,
    "Оплачено"        numeric(15,2) NOT NULL,
    "СальдоКонечное"  numeric(15,2) NOT NULL,
    "ДатаИзменения"   timestamptz NOT NULL
);

CREATE TABLE "Квитанции" (
    "ЛС"              varchar(30) NOT NULL,
    "Месяц"           date NOT NULL,
    "Номер"           varchar(30) NOT NULL,
    "ДатаВыставления" date NOT NULL,
    "СрокОплаты"      date NOT NULL,
    "ОплатыПо"        date,
    "КОплате"         numeric(15,2) NOT NULL,
    "Состояние"       varchar(20) NOT NULL,
    "ДатаИзменения"   timestamptz NOT NULL
);

CREATE TABLE "Платежи" (
    "ЛС"             varchar(30) NOT NULL,
    "НомерДокумента" varchar(40) NOT NULL,
    "Дата"           date NOT NULL,
    "Месяц"          date NOT NULL,
    "Сумма"          numeric(15,2) NOT NULL,
    "Канал"          varchar(60) NOT NULL,
    "Состояние"      varchar(20),
    "ДатаИзменения"  timestamptz NOT NULL
);

CREATE TABLE "ПриборыУчета" (
    "ЛС"             varchar(30) NOT NULL,
    "Прибор"         varchar(40) NOT NULL,
    "ЗаводскойНомер" varchar(40) NOT NULL,
    "Услуга"         varchar(30) NOT NULL,
    "Модель"         varchar(100),
    "Место"          varchar(100),
    "Единица"        varchar(20) NOT NULL,
    "ЗнаковДо"       integer NOT NULL,
    "ЗнаковПосле"    integer NOT NULL,
    "Установлен"     date NOT NULL,
    "Снят"           date,
    "Поверен"        date,
    "ПоверкаДо"      date,
    "Автоматический" boolean NOT NULL,
    "Пломба"         varchar(40),
    "Опломбирован"   date,
    "Акт"            varchar(60),
    "ВместоПрибора"  varchar(40),
    "НачальноеПоказание" numeric(18,6),
    "КонечноеПоказание"  numeric(18,6),
    "ДатаИзменения"  timestamptz NOT NULL
);

CREATE TABLE "Показания" (
    "ЛС"            varchar(30) NOT NULL,
    "Прибор"        varchar(40) NOT NULL,
    "Показание"     varchar(40) NOT NULL,
    "Дата"          date NOT NULL,
    "Месяц"         date NOT NULL,
    "Значение"      numeric(18,6) NOT NULL,
    "Источник"      varchar(20) NOT NULL,
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "Документы" (
    "ЛС"            varchar(30) NOT NULL,
    "Документ"      varchar(40) NOT NULL,
    "Вид"           varchar(20) NOT NULL,
    "Номер"         varchar(60) NOT NULL,
    "Дата"          date NOT NULL,
    "Наименование"  varchar(300) NOT NULL,
    "ДействуетДо"   date,
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "Разноска" (
    "ЛС"            varchar(30) NOT NULL,
    "Платеж"        varchar(40) NOT NULL,
    "Строка"        varchar(10) NOT NULL,
    "Месяц"         date NOT NULL,
    "Услуга"        varchar(30) NOT NULL,
    "Часть"         varchar(20) NOT NULL,
    "Сумма"         numeric(15,2) NOT NULL,
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "Оборудование" (
    "ЛС"             varchar(30) NOT NULL,
    "Оборудование"   varchar(40) NOT NULL,
    "Наименование"   varchar(200) NOT NULL,
    "ЗаводскойНомер" varchar(40),
    "Место"          varchar(100),
    "Установлено"    date,
    "Снято"          date,
    "ДатаИзменения"  timestamptz NOT NULL
);

CREATE TABLE "Тарифы" (
    "Услуга"        varchar(30) NOT NULL,
    "Компонент"     varchar(30) NOT NULL,
    "Действует"     date NOT NULL,
    "По"            date,
    "Тариф"         numeric(18,6) NOT NULL,
    "Основание"     varchar(200),
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "Нормативы" (
    "Услуга"        varchar(30) NOT NULL,
    "Компонент"     varchar(30) NOT NULL,
    "Действует"     date NOT NULL,
    "По"            date,
    "Норматив"      numeric(18,6) NOT NULL,
    "На"            varchar(20) NOT NULL,
    "Основание"     varchar(200),
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "Дома" (
    "Дом"           varchar(20) NOT NULL,
    "Адрес"         varchar(500) NOT NULL,
    "Площадь"       numeric(18,6),
    "ЕстьОДПУ"      boolean,
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "РасходДомов" (
    "Дом"           varchar(20) NOT NULL,
    "Месяц"         date NOT NULL,
    "Услуга"        varchar(30) NOT NULL,
    "Объем"         numeric(18,6) NOT NULL,
    "Площадь"       numeric(18,6),
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "Погода" (
    "Месяц"         date NOT NULL,
    "ГрадусоСутки"  numeric(18,6) NOT NULL,
    "Обычно"        numeric(18,6),
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "Работы" (
    "Работы"        varchar(40) NOT NULL,
    "Вид"           varchar(20) NOT NULL,
    "Дом"           varchar(20),
    "Услуга"        varchar(30),
    "Начало"        timestamptz NOT NULL,
    "Конец"         timestamptz,
    "Содержание"    varchar(500) NOT NULL,
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "ОтветыНаЗаявки" (
    "Заявка"        varchar(20) NOT NULL,
    "Ответ"         varchar(40) NOT NULL,
    "Состояние"     varchar(20) NOT NULL,
    "Текст"         varchar(2000),
    "Дата"          date NOT NULL,
    "ДатаИзменения" timestamptz NOT NULL
);
